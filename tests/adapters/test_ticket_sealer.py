"""Tickets that a client carries between two requests."""

import pytest

from jubilee.adapters.ticket_sealer import MAX_TICKET_CHARS, AesTicketSealer

FIRST, SECOND = b"1" * 32, b"2" * 32
CONTENT = {"state": "s", "number": 7}


@pytest.mark.parametrize("padding", range(4))
def test_a_ticket_is_opened_for_its_purpose_alone(padding: int) -> None:
    sealer, content = AesTicketSealer(FIRST), {**CONTENT, "more": "x" * padding}
    text = sealer.seal("Flow", content)
    assert "=" not in text
    assert sealer.open("Flow", text) == content
    assert sealer.open("Other", text) is None


def test_a_ticket_of_a_previous_secret_is_opened_and_one_of_an_unknown_secret_is_not() -> None:
    text = AesTicketSealer(FIRST).seal("Flow", CONTENT)
    assert AesTicketSealer(SECOND, FIRST).open("Flow", text) == CONTENT
    assert AesTicketSealer(SECOND).open("Flow", text) is None


def test_a_ticket_longer_than_any_that_is_issued_is_not_opened() -> None:
    sealer = AesTicketSealer(FIRST)
    chars = len(sealer.seal("Flow", {"long": "x" * MAX_TICKET_CHARS}))
    assert chars > MAX_TICKET_CHARS
    fits = MAX_TICKET_CHARS - (chars - MAX_TICKET_CHARS)
    longest = next(
        text
        for size in range(fits, 0, -1)
        if len(text := sealer.seal("Flow", {"long": "x" * size})) <= MAX_TICKET_CHARS
    )
    assert sealer.open("Flow", longest) is not None
    assert sealer.open("Flow", sealer.seal("Flow", {"long": "x" * MAX_TICKET_CHARS})) is None


@pytest.mark.parametrize("text", ["", "a", "é", "no ticket!", "ab" * 40])
def test_what_was_not_sealed_is_not_opened(text: str) -> None:
    assert AesTicketSealer(FIRST).open("Flow", text) is None
