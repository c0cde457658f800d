"""JSON types as YAML 1.2, in blocks.

Not by PyYAML, which holds the GIL for half a second while it emits the OpenAPI document, ten times
as long as this takes. Strings are quoted as in JSON, which is YAML, too.
"""

import json
import re
from collections.abc import Iterator

from jubilee.entrypoints.http.docs.components import Json

PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_.$/-]*")
RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
INDENT = "  "


def yaml_text(document: Json) -> str:
    """Return the document as YAML, with its members in the same order."""
    return "\n".join(_lines(document, "")) + "\n"


def _lines(value: object, indent: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _entry(f"{indent}{_key(name)}:", member, indent + INDENT)
    elif isinstance(value, list):
        for element in value:
            yield from _entry(f"{indent}-", element, indent + INDENT)


def _entry(head: str, value: object, indent: str) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        yield head
        yield from _lines(value, indent)
    else:
        yield f"{head} {json.dumps(value, ensure_ascii=False)}"


def _key(name: str) -> str:
    plain = PLAIN_KEY.fullmatch(name) and name.lower() not in RESERVED
    return name if plain else json.dumps(name, ensure_ascii=False)
