"""How an answer's bytes may be coded (RFC 9110, 12.5.3): gzip, or as they are."""

import re
from collections.abc import Iterator

from starlette.datastructures import Headers

CODING = re.compile(r"[ \t]*([A-Za-z0-9*_-]+)[ \t]*(?:;[ \t]*[qQ]=([01](?:\.[0-9]{0,3})?)[ \t]*)?")


def takes_gzip(headers: Headers) -> bool:
    """Whether the client takes it, and would not rather have the bytes as they are."""
    weights = dict(_weights(", ".join(headers.getlist("accept-encoding"))))
    gzip = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def _weights(header: str) -> Iterator[tuple[str, float]]:
    """What is not written as it should be counts as if it were not there."""
    for element in header.split(","):
        if found := CODING.fullmatch(element):
            yield found[1].lower(), float(found[2] or 1)
