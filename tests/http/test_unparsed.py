"""Cutting of received bytes into pieces for the parser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jubilee.entrypoints.http.connections.limits import MAX_HEAD_BYTES, MIN_READ_BYTES
from jubilee.entrypoints.http.connections.unparsed import END, TooMuchFraming, UnparsedBytes
from jubilee.entrypoints.http.connections.unread import UnreadAnswer

PARTS = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", END, b"a", b"GET /"]).map(bytes))


def pieces(unparsed: UnparsedBytes) -> list[bytes]:
    """The pieces that can be taken now."""
    found = []
    while not unparsed.is_empty and (piece := unparsed.take()):
        found.append(piece)
    return found


@given(st.lists(PARTS.map(b"".join)))
def test_pieces_keep_all_bytes_and_contain_at_most_one_line_end(arrivals: list[bytes]) -> None:
    unparsed, found = UnparsedBytes(), list[bytes]()
    for data in arrivals:
        unparsed.add(data)
        found += pieces(unparsed)
    sent, taken = b"".join(arrivals), b"".join(found)
    assert sent.startswith(taken)
    assert set(sent[len(taken) :]) <= set(END)
    assert len(sent) - len(taken) < len(END)
    ends = [piece for piece in found if END in piece]
    assert all(piece.index(END) + len(END) == len(piece) for piece in ends)
    assert len(ends) == sent.count(END)


@pytest.mark.parametrize(
    ("data", "is_whole"),
    [
        (b"GET / HTTP/1.1" + END, True),
        (b"a" * (MAX_HEAD_BYTES - len(END)) + END, True),
        (b"a" * (MAX_HEAD_BYTES - len(END) + 1) + END, False),
        (b"GET / HTTP/1.1" + END + b"G", False),
        (b"GET / HTTP/1.1" + END * 2, False),
        (b"GET / HTTP/1.1\r\n", False),
        (b"GET", False),
    ],
)
def test_exactly_one_head_is_taken_as_a_whole(data: bytes, is_whole: bool) -> None:
    unparsed = UnparsedBytes()
    assert unparsed.takes_whole(data) is is_whole
    unparsed.framing = 1
    assert not unparsed.takes_whole(data)
    unparsed.framing = 0
    unparsed.add(b"b")
    assert not unparsed.takes_whole(data)


def test_a_body_is_one_piece() -> None:
    unparsed = UnparsedBytes()
    unparsed.body_left = 10
    unparsed.add(END * 2 + b"abcd" + END)
    assert pieces(unparsed) == [END * 2 + b"ab", b"cd" + END]


def test_the_size_of_framing_is_limited() -> None:
    unparsed = UnparsedBytes()
    unparsed.add(b"a" * MAX_HEAD_BYTES + b"b")
    assert unparsed.take() + unparsed.take() == b"a" * MAX_HEAD_BYTES
    with pytest.raises(TooMuchFraming):
        unparsed.take()
    unparsed.framing = 0
    assert unparsed.take() == b"b"


def test_unread_answers_are_counted_by_sweeps() -> None:
    unread = UnreadAnswer()
    sizes = [100_000, 100_000, 99_999, 100_000 - MIN_READ_BYTES, 50_000, 50_000, 1000, 999, 0, 0]
    assert [unread.sweeps(size) for size in sizes] == [0, 1, 2, 0, 0, 1, 0, 1, 0, 0]


def test_a_growing_answer_resets_the_count() -> None:
    unread = UnreadAnswer()
    assert [unread.sweeps(size) for size in (1000, 1000, 2000, 2000)] == [0, 1, 0, 1]
