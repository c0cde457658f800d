"""Conditional requests (RFC 9110, section 13): strong ETags, If-Match and If-None-Match."""

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
"""One element of a list of tags, which may be empty; possessive quantifiers keep it linear."""

TAG_BYTES = 16
GZIP_SUFFIX = "-gzip"
"""Ends the tag of a compressed representation."""

UNTAGGED = " "
"""Tag of a resource without an ETag: no list of tags can contain it, so only `*` matches."""

T = TypeVar("T")


class MalformedCondition(HttpError):
    """If-Match or If-None-Match is neither `*` nor a list of quoted entity tags."""

    code, status = "malformed_condition", HTTPStatus.BAD_REQUEST


@dataclass(frozen=True, slots=True)
class EntityTags:
    """The tags of an If-Match or If-None-Match header; `every` is `*`."""

    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()
    every: bool = False

    @property
    def uncoded(self) -> "EntityTags":
        """The tags of the resource itself, whether its representation was compressed or not."""
        strong = frozenset(tag.removesuffix(GZIP_SUFFIX) for tag in self.strong)
        weak = frozenset(tag.removesuffix(GZIP_SUFFIX) for tag in self.weak)
        return EntityTags(strong, weak, self.every)

    def match(self, version: int | str) -> bool:
        """Strong comparison: a weak tag matches nothing, not even itself."""
        return self.every or str(version) in self.strong

    def match_weakly(self, version: int | str) -> bool:
        """Weak comparison."""
        return self.match(version) or str(version) in self.weak


def etag(version: int | str) -> str:
    """Return the strong tag of a version."""
    return f'"{version}"'


def read_tags(header: str) -> EntityTags:
    """Parse the header's value; raises MalformedCondition."""
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
    """Return the tag of a resource without a version: a hash of its representation."""
    return hash_tag(reply.model_dump_json().encode())


def hash_tag(content: bytes) -> str:
    """Return the tag of a representation."""
    return blake2b(content, digest_size=TAG_BYTES).hexdigest()


def precondition(headers: Headers, tag: Callable[[T], str]) -> Callable[[T], bool] | None:
    """Return the predicate on the current resource that a write requires; None without headers.

    `tag` computes the resource's tag. A resource that does not exist is None and matches no
    If-Match.
    """
    wanted, unwanted = _tags(headers, "if-match"), _tags(headers, "if-none-match")
    if wanted is None and unwanted is None:
        return None

    def holds(current: T) -> bool:
        if current is None:
            return wanted is None
        version = tag(current)
        matches = wanted is None or wanted.uncoded.match(version)
        return matches and not (unwanted is not None and unwanted.uncoded.match_weakly(version))

    return holds


def wants_existing(headers: Headers) -> bool:
    """Return whether a write requires that the resource exists (`If-Match: *`)."""
    wanted = _tags(headers, "if-match")
    return wanted is not None and wanted.every


def is_known(headers: Headers, version: int | str) -> bool:
    """Return whether the client already has this version: a GET is then answered with 304."""
    tags = _tags(headers, "if-none-match")
    return tags is not None and tags.match_weakly(version)


def _tags(headers: Headers, name: str) -> EntityTags | None:
    lines = headers.getlist(name)
    return read_tags(", ".join(lines)) if lines else None
