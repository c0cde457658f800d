"""JSON as it is meant: no duplicate keys, no NaN, nothing that a database or a client chokes on."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any, NoReturn

from jubilee.entrypoints.http.problems import MalformedBody

DEEPEST = 32  # levels of nesting
LARGEST = 2**63 - 1  # what every JSON reader of integers can hold
SURROGATES = range(0xD800, 0xE000)


@dataclass(frozen=True, slots=True)
class TextFault:
    """Something well-formed that is refused all the same; `pointer` is a JSON pointer."""

    pointer: str
    detail: str
    code: str


def parse_json(raw: bytes) -> object:
    """The document; raises MalformedBody, which says what is wrong but not what was sent."""
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
    except UnicodeDecodeError as error:
        raise MalformedBody("The body is not UTF-8.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise MalformedBody(f"The body is not JSON: see {where}.") from error
    except RecursionError as error:
        raise MalformedBody(f"The body nests deeper than {DEEPEST} levels.") from error
    except ValueError as error:  # Python refuses to read integers of thousands of digits
        raise MalformedBody("The body contains a number with too many digits.") from error


def faults(value: object, pointer: str = "", depth: int = 1) -> Iterator[TextFault]:
    """Everything in the document that is refused."""
    if depth > DEEPEST:
        raise MalformedBody(f"The body nests deeper than {DEEPEST} levels.")
    if isinstance(value, dict):
        for key in value:
            yield from check_text(key, pointer)
    for name, member in _members(value):
        yield from faults(member, f"{pointer}/{name}", depth + 1)
    if isinstance(value, str):
        yield from check_text(value, pointer)
    if isinstance(value, int | float):
        yield from _check_number(value, pointer)


def _members(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield segment(key), member
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield str(index), member


def segment(name: str) -> str:
    """A member's name as a part of a JSON pointer, cut where it is long."""
    return name[:200].replace("~", "~0").replace("/", "~1")


def check_text(text: str, pointer: str) -> Iterator[TextFault]:
    """NUL, which PostgreSQL refuses, and halves of characters, which no encoding knows."""
    if "\0" in text:
        yield TextFault(_clean(pointer), "A text must not contain NUL.", "nul_character")
    if not text.isascii() and any(ord(character) in SURROGATES for character in text):
        yield TextFault(
            _clean(pointer), "A text must not contain a lone surrogate.", "lone_surrogate"
        )


def _check_number(value: float, pointer: str) -> Iterator[TextFault]:
    fits = abs(value) <= LARGEST if type(value) is int else isfinite(value)
    if not fits:
        yield TextFault(_clean(pointer), "The number is out of range.", "number_out_of_range")


def _clean(pointer: str) -> str:
    return pointer.encode("utf-8", "replace").decode().replace("\0", "?")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise MalformedBody("The body has an object in which a member stands twice.")
    return members


def _constant(_: str) -> NoReturn:
    raise MalformedBody("The body contains a number that JSON does not know.")
