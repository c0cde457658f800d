"""Leaked passwords by an API and by a file."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from hashlib import sha1
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jubilee.adapters.pwned_passwords import PwnedPasswordsApi, PwnedPasswordsFile
from jubilee.domain.breaches import BreachesUnreadable
from tests.adapters.http_receiver import Serve, receivers, sender

LEAKED = sha1(b"hunter2", usedforsecurity=False).hexdigest().upper()
PREFIX, SUFFIX = LEAKED[:5], LEAKED[5:]


def digest(text: object) -> str:
    return sha1(str(text).encode(), usedforsecurity=False).hexdigest().upper()


def answer(body: str, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with receivers() as serve:
        yield serve


async def contains(serve: Serve, reply: bytes) -> bool:
    port = (await serve(reply)).port
    return await PwnedPasswordsApi(f"http://pwned.test:{port}/range", sender("127.0.0.1")).contains(
        LEAKED
    )


async def test_only_five_digits_of_a_digest_are_sent_and_padding_is_asked_for(
    serve: Serve,
) -> None:
    receiver = await serve(answer(f"{'0' * 35}:7\r\n{SUFFIX}:1"))
    api = PwnedPasswordsApi(f"http://pwned.test:{receiver.port}/range", sender("127.0.0.1"))
    assert await api.contains(LEAKED)
    assert not await api.contains(digest("never leaked"))
    sent = b"".join(receiver.requests)
    assert sent.startswith(f"GET /range/{PREFIX} HTTP/1.1\r\n".encode())
    assert b"add-padding: true" in sent
    assert SUFFIX.encode() not in sent


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (f"{SUFFIX}:0", False),
        (f"{SUFFIX.lower()}:12\n", True),
        (f"{SUFFIX}:{'9' * 5000}", True),
        ("", False),
        ("not a list", False),
    ],
)
async def test_a_digest_counts_if_it_was_leaked_at_least_once(
    serve: Serve, body: str, found: bool
) -> None:
    assert await contains(serve, answer(body)) is found


@pytest.mark.parametrize(
    "reply", [answer("", "503 Busy"), answer("x" * 70_000), b"SSH-2.0\r\n\r\n", b""]
)
async def test_a_wrong_answer_is_none(serve: Serve, reply: bytes) -> None:
    with pytest.raises(BreachesUnreadable):
        await contains(serve, reply)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pwned")


def written(folder: Path, digests: Collection[str], end: str = "\n") -> PwnedPasswordsFile:
    path = folder / "list"
    lines = (f"{each}:{len(each) * number}" for number, each in enumerate(sorted(digests)))
    path.write_bytes("".join(f"{line}{end}" for line in lines).encode())
    return PwnedPasswordsFile(path)


def found(file: PwnedPasswordsFile, digests: Iterator[str]) -> list[bool]:
    async def search() -> list[bool]:
        return [await file.contains(each) for each in digests]

    try:
        return asyncio.run(search())
    finally:
        file.close()


@given(st.integers(0, 60), st.sampled_from(["\n", "\r\n"]))
def test_every_digest_of_a_file_is_found_and_no_other(folder: Path, number: int, end: str) -> None:
    leaked, others = set(map(digest, range(number))), map(digest, range(100, 130))
    assert found(written(folder, leaked, end), iter(sorted(leaked))) == [True] * number
    assert found(written(folder, leaked, end), others) == [False] * 30


def test_a_file_without_counts_and_without_a_last_line_end_is_read(folder: Path) -> None:
    path = folder / "plain"
    path.write_text("\n".join(sorted(map(digest, range(3)))).lower())
    assert found(PwnedPasswordsFile(path), map(digest, range(4))) == [True, True, True, False]


@pytest.mark.parametrize("content", [None, b"\0" * 1000])
async def test_a_file_that_is_missing_or_no_list_is_not_readable(
    folder: Path, content: bytes | None
) -> None:
    path = folder / "broken"
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)
    file = PwnedPasswordsFile(path)
    with pytest.raises(BreachesUnreadable):
        await file.contains(LEAKED)
    file.close()


@pytest.mark.parametrize(
    ("error", "reason"), [(OSError(2, "No such file"), "No such file"), (OSError("x"), "OSError")]
)
async def test_a_file_that_cannot_be_read_is_named_by_the_cause(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, reason: str
) -> None:
    def fail(*_: object) -> bool:
        raise error

    monkeypatch.setattr(PwnedPasswordsFile, "_search", fail)
    file = PwnedPasswordsFile(folder / "none")
    with pytest.raises(BreachesUnreadable, match=reason):
        await file.contains(LEAKED)
    file.close()
