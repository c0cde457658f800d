"""Strict JSON: no duplicate members, no NaN, no text that PostgreSQL or UTF-8 cannot hold."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from math import inf, isfinite
from typing import Any, NoReturn, TypeAlias

from jubilee.domain.text import is_storable
from jubilee.entrypoints.http.framework.json_bounds import MAX_DEPTH
from jubilee.entrypoints.http.framework.problems import MalformedBody

MAX_INTEGER = 2**63 - 1  # largest that 64-bit JSON readers can hold
MAX_DIGITS = len(str(MAX_INTEGER)) + 1  # with a sign
MAX_NAME_CHARS = 200  # of a member's name in a pointer
MAX_POINTER_CHARS = 1000

CONTAINERS = (dict, list)
NUMERALS = bytes.maketrans(b"123456789E", b"000000000e")
REFUSABLE = (b"\\u", b"0" * 19, b"0e0", b"0e+0", b"0e-0")
"""Escapes, and numbers that may exceed MAX_INTEGER or the range of a float, all digits as 0."""

ValuePath: TypeAlias = tuple["ValuePath", str | int] | None
"""Location of a value: its parent's path and its name; None is the document itself."""


@dataclass(frozen=True, slots=True)
class TextFault:
    """A well-formed value that is refused; `pointer` is a JSON pointer."""

    pointer: str
    detail: str
    code: str


def parse_json(raw: bytes) -> object:
    """Parse a document within the bounds; raises MalformedBody, which quotes nothing of it."""
    try:
        return DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise MalformedBody("The body is not UTF-8.") from error
    except JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise MalformedBody(f"The body is not valid JSON: see {where}.") from error
    except RecursionError as error:  # unbalanced brackets can pass check_bounds
        raise MalformedBody(f"The body nests deeper than {MAX_DEPTH} levels.") from error


def may_have_faults(raw: bytes) -> bool:
    """Return whether a well-formed document can contain a value that `faults` refuses.

    Searching the bytes costs a tenth of visiting each value, and a pattern ten times as much. NUL
    and lone surrogates can only be written as escapes: the parser refuses them as bytes.
    """
    numerals = raw.translate(NUMERALS)
    return any(refusable in numerals for refusable in REFUSABLE)


def faults(document: object) -> Iterator[TextFault]:
    """Find all refused values of the document, whose size `check_bounds` has limited.

    The last container of each is visited first: what waits stays small, and a caller that needs
    only some of the faults gets them sooner.
    """
    waiting: list[tuple[object, ValuePath]] = [(document, None)]
    while waiting:
        parent, path = waiting.pop()
        for name, value in _members(parent):
            if isinstance(value, CONTAINERS):
                waiting.append((value, (path, name)))
            elif not _is_valid(value):
                yield from _check(value, _pointer((path, name)))
        if isinstance(parent, dict) and not is_storable(names := "".join(parent)):
            yield from check_text(names, _pointer(path))


def _members(parent: object) -> Iterable[tuple[str | int, object]]:
    if isinstance(parent, dict):
        return parent.items()
    return enumerate(parent) if isinstance(parent, list) else ()


def _is_valid(value: object) -> bool:
    """Return whether a scalar value is accepted; called for every value of a document."""
    if isinstance(value, str):
        return is_storable(value)
    if type(value) is int:
        return -MAX_INTEGER <= value <= MAX_INTEGER
    return not isinstance(value, float) or isfinite(value)


def _check(value: object, pointer: str) -> Iterator[TextFault]:
    if isinstance(value, str):
        yield from check_text(value, pointer)
    else:
        yield TextFault(pointer, "The number is out of range.", "number_out_of_range")


def check_text(text: str, pointer: str) -> Iterator[TextFault]:
    """Find the faults of a text: NUL, which PostgreSQL refuses, and lone surrogates."""
    if "\0" in text:
        yield TextFault(_clean(pointer), "A text must not contain NUL.", "nul_character")
    if not is_storable(text.replace("\0", "")):
        yield TextFault(
            _clean(pointer), "A text must not contain a lone surrogate.", "lone_surrogate"
        )


def segment(name: str) -> str:
    """Escape a member's name for a JSON pointer, truncated to MAX_NAME_CHARS."""
    return name[:MAX_NAME_CHARS].replace("~", "~0").replace("/", "~1")


def _pointer(path: ValuePath) -> str:
    names: list[str] = []
    while path is not None:
        path, name = path
        names.append(f"/{segment(str(name))}")
    return "".join(reversed(names))[:MAX_POINTER_CHARS]


def _clean(pointer: str) -> str:
    return pointer.encode("utf-8", "replace").decode().replace("\0", "?")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise MalformedBody("The body has an object with a duplicate member.")
    return members


def _integer(digits: str) -> float:
    """Parse an integer; return infinity if it is too long, as parsing takes quadratic time."""
    return int(digits) if len(digits) <= MAX_DIGITS else inf


def _constant(_: str) -> NoReturn:
    raise MalformedBody("The body contains NaN or Infinity, which are not valid JSON.")


DECODER = JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant)
