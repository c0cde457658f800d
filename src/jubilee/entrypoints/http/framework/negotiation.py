"""Content negotiation (RFC 9110, sections 8 and 12): Content-Type, Content-Encoding, Accept."""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache

from starlette.datastructures import Headers

from jubilee.entrypoints.http.framework.problems import (
    NotAcceptable,
    UnsupportedEncoding,
    UnsupportedMedia,
)

MAX_RANGES = 100  # of an Accept header; more are ignored
CHARSET = re.compile(r';[ \t]*charset[ \t]*=[ \t]*"?([^";\s]*)', re.IGNORECASE)
UTF_8 = frozenset({"utf-8", "utf8"})
WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
RANGE = re.compile(rf"[ \t]*({WORD}/{WORD})[ \t]*((?:;.*)?)")
WEIGHT = re.compile(r";[ \t]*q[ \t]*=[ \t]*([0-9.]+)", re.IGNORECASE)


def require_plain(headers: Headers) -> None:
    """Raise UnsupportedEncoding if the body has a content coding, such as gzip."""
    codings = ",".join(headers.getlist("content-encoding")).lower().split(",")
    if any(coding.strip() not in {"", "identity"} for coding in codings):
        raise UnsupportedEncoding


def body_media(content_type: str, known: Collection[str]) -> str:
    """Return the media type of the body; raise UnsupportedMedia if it is not one of `known`."""
    media, parted, _ = content_type.partition(";")
    media = media.strip().lower()
    if media not in known:
        raise UnsupportedMedia(f"Send the body as {' or '.join(known)}.")
    charset = CHARSET.search(content_type) if parted else None
    if charset is not None and charset[1].lower() not in UTF_8:
        raise UnsupportedMedia("Send the body in UTF-8.")
    return media


def require_acceptable(headers: Headers, offered: tuple[str, ...]) -> None:
    """Raise NotAcceptable if `Accept` excludes all offered media types."""
    accept = headers.get("accept")
    if accept is None or accept == "*/*" or accept in offered or not offered:
        return
    if not _accepts(", ".join(headers.getlist("accept")), offered):
        raise NotAcceptable(f"The response is available as {' or '.join(offered)}.")


def preferred_media(headers: Headers, offered: tuple[str, ...]) -> str:
    """Return the offered media type of the highest weight in `Accept`; of equal ones the first."""
    weights = dict(_weights(", ".join(headers.getlist("accept"))))
    return max(offered, key=lambda media: _weight(weights, media))


@lru_cache(maxsize=64)
def _accepts(accept: str, offered: tuple[str, ...]) -> bool:
    """Return whether one of the offered types is accepted; malformed ranges are ignored."""
    weights = dict(_weights(accept))
    return not weights or any(_weight(weights, media) > 0 for media in offered)


def _weights(accept: str) -> Iterator[tuple[str, float]]:
    for element in accept.split(",", MAX_RANGES)[:MAX_RANGES]:
        if found := RANGE.fullmatch(element):
            weight = WEIGHT.search(found[2])
            yield found[1].lower(), _number(weight[1]) if weight else 1.0


def _weight(weights: dict[str, float], media: str) -> float:
    """Return the weight of the most specific range; 0 if none matches."""
    for name in (media, f"{media.partition('/')[0]}/*", "*/*"):
        if name in weights:
            return weights[name]
    return 0.0


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0
