"""Conditional requests (RFC 9110, 13): a version as a strong ETag, If-Match, If-None-Match."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from http import HTTPStatus
from typing import TypeVar

from pydantic import BaseModel
from starlette.datastructures import Headers

from jubilee.entrypoints.http.framework.problems import HttpError

ELEMENT = re.compile(r'[ \t]*+(?:(W/)?"([!#-~\x80-\xff]*+)"[ \t]*+)?(?:,|\Z)')
"""One element of a list of tags, which may be empty; possessive, so it is linear."""

TAG_BYTES = 16
UNTAGGED = " "
"""Stands for the tag of a resource that shows none: no list of tags can name it, only `*`."""

T = TypeVar("T")


class MalformedCondition(HttpError):
    """If-Match or If-None-Match is neither `*` nor a list of quoted entity tags."""

    code, status = "malformed_condition", HTTPStatus.BAD_REQUEST


@dataclass(frozen=True, slots=True)
class EntityTags:
    """What such a header lists; `every` stands for `*`."""

    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()
    every: bool = False

    def match(self, version: int | str) -> bool:
        """Strong comparison: a weak tag is like nothing, not even like itself."""
        return self.every or str(version) in self.strong

    def match_weakly(self, version: int | str) -> bool:
        """Weak comparison."""
        return self.match(version) or str(version) in self.weak


def etag(version: int | str) -> str:
    """The strong tag of a version."""
    return f'"{version}"'


def read_tags(header: str) -> EntityTags:
    """Raises MalformedCondition."""
    if header.strip(" \t") == "*":
        return EntityTags(every=True)
    found: dict[bool, set[str]] = {True: set(), False: set()}
    position = 0
    while position < len(header):
        element = ELEMENT.match(header, position)
        if element is None:
            raise MalformedCondition
        weak, tag = element.groups()
        if tag is not None:
            found[weak is not None].add(tag)
        position = element.end()
    if not found[True] and not found[False]:
        raise MalformedCondition
    return EntityTags(strong=frozenset(found[False]), weak=frozenset(found[True]))


def content_tag(reply: BaseModel) -> str:
    """The tag of a resource without a version of its own: it changes with what is answered."""
    content = reply.model_dump_json(by_alias=True).encode()
    return blake2b(content, digest_size=TAG_BYTES).hexdigest()


def precondition(headers: Headers, tag: Callable[[T], str]) -> Callable[[T], bool] | None:
    """Whether a write may go on upon what is there, which `tag` knows the tag of.

    None where nothing is asked; what is not there has no tag and is None.
    """
    wanted, unwanted = _tags(headers, "if-match"), _tags(headers, "if-none-match")
    if wanted is None and unwanted is None:
        return None

    def holds(current: T) -> bool:
        if current is None:
            return wanted is None
        version = tag(current)
        matches = wanted is None or wanted.match(version)
        return matches and not (unwanted is not None and unwanted.match_weakly(version))

    return holds


def wants_existing(headers: Headers) -> bool:
    """Whether a write is to go on only where there is something (`If-Match: *`)."""
    wanted = _tags(headers, "if-match")
    return wanted is not None and wanted.every


def is_known(headers: Headers, version: int | str) -> bool:
    """Whether the client of a GET holds this version already (304)."""
    tags = _tags(headers, "if-none-match")
    return tags is not None and tags.match_weakly(version)


def _tags(headers: Headers, name: str) -> EntityTags | None:
    lines = headers.getlist(name)
    return read_tags(", ".join(lines)) if lines else None
