"""JSON as it is meant: no duplicate keys, no NaN, nothing that a database or a client chokes on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from math import inf, isfinite
from typing import Any, NoReturn, TypeAlias

from jubilee.domain.text import is_storable
from jubilee.entrypoints.http.framework.json_bounds import MAX_DEPTH, check_bounds
from jubilee.entrypoints.http.framework.problems import MalformedBody

LARGEST = 2**63 - 1  # what every JSON reader of integers can hold
MAX_DIGITS = len(str(LARGEST)) + 1  # with a sign
MAX_NAME = 200  # characters of a member's name in a pointer
MAX_POINTER = 1000  # characters of a pointer

CONTAINERS = (dict, list)

Path: TypeAlias = tuple["Path", str | int] | None
"""Where a value stands: its parent's path and its name; None is the document itself."""


@dataclass(frozen=True, slots=True)
class TextFault:
    """Something well-formed that is refused all the same; `pointer` is a JSON pointer."""

    pointer: str
    detail: str
    code: str


def parse_json(raw: bytes) -> object:
    """The document; raises MalformedBody, which says what is wrong but not what was sent."""
    check_bounds(raw)
    try:
        return DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise MalformedBody("The body is not UTF-8.") from error
    except JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise MalformedBody(f"The body is not JSON: see {where}.") from error
    except RecursionError as error:  # brackets that do not match can get past the bounds
        raise MalformedBody(f"The body nests deeper than {MAX_DEPTH} levels.") from error


def faults(document: object) -> Iterator[TextFault]:
    """Everything within the document that is refused; how far it goes, the bounds have seen to."""
    waiting: list[tuple[object, Path]] = [(document, None)]
    for parent, path in waiting:
        for name, value in _members(parent):
            if isinstance(value, CONTAINERS):
                waiting.append((value, (path, name)))
            elif not _is_kept(value):
                yield from _check(value, _pointer((path, name)))
        if isinstance(parent, dict) and not is_storable(names := "".join(parent)):
            yield from check_text(names, _pointer(path))


def _members(parent: object) -> Iterable[tuple[str | int, object]]:
    if isinstance(parent, dict):
        return parent.items()
    return enumerate(parent) if isinstance(parent, list) else ()


def _is_kept(value: object) -> bool:
    """Whether a value without members is taken as it is; called for each."""
    if isinstance(value, str):
        return is_storable(value)
    if type(value) is int:
        return -LARGEST <= value <= LARGEST
    return not isinstance(value, float) or isfinite(value)


def _check(value: object, pointer: str) -> Iterator[TextFault]:
    if isinstance(value, str):
        yield from check_text(value, pointer)
    else:
        yield TextFault(pointer, "The number is out of range.", "number_out_of_range")


def check_text(text: str, pointer: str) -> Iterator[TextFault]:
    """NUL, which PostgreSQL refuses, and halves of characters, which no encoding knows."""
    if "\0" in text:
        yield TextFault(_clean(pointer), "A text must not contain NUL.", "nul_character")
    if not is_storable(text.replace("\0", "")):
        yield TextFault(
            _clean(pointer), "A text must not contain a lone surrogate.", "lone_surrogate"
        )


def segment(name: str) -> str:
    """A member's name as a part of a JSON pointer, cut where it is long."""
    return name[:MAX_NAME].replace("~", "~0").replace("/", "~1")


def _pointer(path: Path) -> str:
    names: list[str] = []
    while path is not None:
        path, name = path
        names.append(f"/{segment(str(name))}")
    return "".join(reversed(names))[:MAX_POINTER]


def _clean(pointer: str) -> str:
    return pointer.encode("utf-8", "replace").decode().replace("\0", "?")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise MalformedBody("The body has an object in which a member stands twice.")
    return members


def _integer(digits: str) -> float:
    """One that is far out of range is not computed, for that takes the square of its length."""
    return int(digits) if len(digits) <= MAX_DIGITS else inf


def _constant(_: str) -> NoReturn:
    raise MalformedBody("The body contains a number that JSON does not know.")


DECODER = JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant)
