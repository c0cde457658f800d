"""The sealing of secrets by a new SECRET_KEY, as workers get it."""

from types import SimpleNamespace
from typing import Any

import pytest

from jubilee.adapters.secret_cipher import AesSecretCipher
from jubilee.bootstrap.factors import factor_resealing
from jubilee.bootstrap.servers import signing_keys
from jubilee.domain.seals import SealState
from jubilee.settings import Settings

NEW, OLD = "new-8Tz5Kd2Rs7Ly4Hn0Pa3f0c6Jq9vX1mWb", "old-3f0c6Jq9vX1mWb8Tz5Kd2Rs7Ly4Hn0Pa"


@pytest.fixture
def adapters() -> Any:
    return SimpleNamespace(write=None, read=None)


def test_secrets_of_the_previous_key_are_to_be_sealed_anew(adapters: Any) -> None:
    before = Settings.model_validate({"secret_key": OLD})
    sealed = AesSecretCipher(signing_keys(before)[0].factors).seal(b"app", b"secret")
    after = Settings.model_validate({"secret_key": NEW, "secret_key_previous": OLD})
    resealing = factor_resealing(after, adapters)
    assert resealing is not None
    assert resealing.cipher.state(b"app", sealed) is SealState.PREVIOUS


def test_without_a_previous_key_nothing_is_searched(adapters: Any) -> None:
    assert factor_resealing(Settings.model_validate({"secret_key": NEW}), adapters) is None
