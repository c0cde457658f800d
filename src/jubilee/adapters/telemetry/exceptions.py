"""Exceptions as logs and spans show them: classes and frames, without data from messages."""

import traceback
from hashlib import sha256
from types import TracebackType
from typing import TypeAlias

from jubilee.domain.errors import DomainError
from jubilee.domain.jobs.kinds import JobError

MAX_MESSAGE_CHARS = 200
MAX_FRAMES = 40
FINGERPRINT_DIGITS = 16
# Messages of these come from code or the system; those of others may quote user data.
SAFE_MESSAGES = (
    ArithmeticError, AssertionError, AttributeError, ImportError, MemoryError, NameError,
    NotImplementedError, OSError, TypeError,
)  # fmt: skip

Frame: TypeAlias = tuple[str, str]


def kind_of(error: BaseException) -> str:
    """The error's code if it is the domain's, else its class name."""
    if isinstance(error, DomainError | JobError):
        return error.code
    return class_name(error)


def fingerprint(error: BaseException) -> str:
    """A hash that groups equal failures, stable across processes and moved lines.

    Made from the classes in the exception chain and from our functions in its tracebacks.
    """
    parts = []
    for link in chain(error):
        parts.append(class_name(link))
        parts += [f"{module}:{function}" for module, function in _ours(link.__traceback__)]
    return sha256("\n".join(parts).encode()).hexdigest()[:FINGERPRINT_DIGITS]


def stack(error: BaseException, *, whole: bool) -> str:
    """Format the traceback; messages that may contain user data appear only if `whole`."""
    texts = []
    for link in reversed(chain(error)):
        frames = traceback.extract_tb(link.__traceback__, limit=-MAX_FRAMES)
        said = str(link)[:MAX_MESSAGE_CHARS] if whole else safe_message(link)
        head = class_name(link) + (f": {said}" if said else "")
        texts.append("".join(traceback.format_list(frames)) + head)
    return "\nwhich led to\n".join(texts)


def safe_message(error: BaseException) -> str:
    """The error's message, or "" if it may contain user data."""
    return str(error)[:MAX_MESSAGE_CHARS] if isinstance(error, SAFE_MESSAGES) else ""


def chain(error: BaseException) -> list[BaseException]:
    """The exception and its causes, the latest first."""
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


def class_name(error: BaseException) -> str:
    """The name of its class, with the module if it is not one of Python's own."""
    kind = type(error)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
