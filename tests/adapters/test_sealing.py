"""What adapters seal with, by keys that are rotated."""

import pytest

from jubilee.domain.seals import SealState
from jubilee.sealing import Sealer

OLD, NEW = b"o" * 32, b"n" * 32


def test_sealed_content_opens_with_what_it_is_bound_to_alone() -> None:
    sealed = Sealer(NEW).seal(b"content", b"row 1")
    assert b"content" not in sealed
    assert Sealer(NEW).open(sealed, b"row 1") == b"content"
    assert Sealer(NEW).open(sealed, b"row 2") is None
    assert Sealer(NEW).open(sealed) is None


def test_the_first_key_seals_and_every_key_opens() -> None:
    old = Sealer(OLD).seal(b"content")
    both = Sealer(NEW, OLD)
    assert both.open(old) == b"content"
    assert both.state(old) is SealState.PREVIOUS
    assert both.state(both.seal(b"content")) is SealState.CURRENT
    assert both.state(b"altered") is SealState.UNREADABLE
    assert Sealer(OLD).open(both.seal(b"content")) is None


@pytest.mark.parametrize("kept", [0, 5, 11, 12, 20, 34])
def test_content_that_was_cut_off_or_altered_does_not_open(kept: int) -> None:
    sealed = Sealer(NEW).seal(b"content")
    altered = sealed[:kept] + bytes([sealed[kept] ^ 1]) + sealed[kept + 1 :]
    assert Sealer(NEW).open(sealed[:kept]) is None
    assert Sealer(NEW).open(altered) is None
