"""Exceptions, as operators see them: where they came from, without what they came with."""

import traceback
from hashlib import sha256
from types import TracebackType
from typing import TypeAlias

from jubilee.domain.errors import DomainError
from jubilee.domain.jobs.kinds import JobError

MAX_MESSAGE_CHARS = 200
MAX_FRAMES = 40
DIGITS = 16  # of a fingerprint
# What these say was written by a programmer or the system; others may quote what somebody sent.
PLAIN = (
    ArithmeticError, AssertionError, AttributeError, ImportError, MemoryError, NameError,
    NotImplementedError, OSError, TypeError,
)  # fmt: skip

Frame: TypeAlias = tuple[str, str]


def kind_of(error: BaseException) -> str:
    """Its code, where it is one of ours, else its class."""
    if isinstance(error, DomainError | JobError):
        return error.code
    return _name(type(error))


def fingerprint(error: BaseException) -> str:
    """The same for the same failure: in every process, and when lines move.

    Made of the classes in the chain and of the functions of ours that it came through.
    """
    parts = []
    for link in _chain(error):
        parts.append(_name(type(link)))
        parts += [f"{module}:{function}" for module, function in _ours(link.__traceback__)]
    return sha256("\n".join(parts).encode()).hexdigest()[:DIGITS]


def stack(error: BaseException, *, whole: bool) -> str:
    """The traceback; what the exceptions say is shown where `whole`, or where it holds no data."""
    texts = []
    for link in reversed(_chain(error)):
        frames = traceback.extract_tb(link.__traceback__, limit=-MAX_FRAMES)
        said = _said(link, whole=whole)
        head = _name(type(link)) + (f": {said}" if said else "")
        texts.append("".join(traceback.format_list(frames)) + head)
    return "\nwhich led to\n".join(texts)


def _said(error: BaseException, *, whole: bool) -> str:
    if whole or isinstance(error, PLAIN):
        return str(error)[:MAX_MESSAGE_CHARS]
    return ""


def _chain(error: BaseException) -> list[BaseException]:
    """From what was raised last to what it began with."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return chain


def _ours(trace: TracebackType | None) -> list[Frame]:
    frames = []
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] == "jubilee":
            frames.append((module, trace.tb_frame.f_code.co_qualname))
        trace = trace.tb_next
    return frames


def _name(kind: type[BaseException]) -> str:
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
