"""Negotiation of the content coding (RFC 9110, section 12.5.3): gzip or identity."""

import re
from collections.abc import Iterator

from starlette.datastructures import Headers

CODING = re.compile(r"[ \t]*([A-Za-z0-9*_-]+)[ \t]*(?:;[ \t]*[qQ]=([01](?:\.[0-9]{0,3})?)[ \t]*)?")


def accepts_gzip(headers: Headers) -> bool:
    """Return whether `Accept-Encoding` allows gzip and does not prefer identity."""
    weights = dict(_weights(", ".join(headers.getlist("accept-encoding"))))
    gzip = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def _weights(header: str) -> Iterator[tuple[str, float]]:
    """Codings with their weights; malformed elements are ignored."""
    for element in header.split(","):
        if found := CODING.fullmatch(element):
            yield found[1].lower(), float(found[2] or 1)
