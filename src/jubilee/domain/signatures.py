"""Signatures of cursors, tokens and challenges: HMAC-SHA256, cut to 16 bytes."""

import hmac
from collections.abc import Iterable

SIGNATURE_BYTES = 16


def signature(key: bytes, content: bytes) -> bytes:
    """Return the signature of the content; its first bytes say what it is for."""
    return hmac.digest(key, content, "sha256")[:SIGNATURE_BYTES]


def is_signed(content: bytes, found: bytes, keys: Iterable[bytes]) -> bool:
    """Return whether one of the keys has made this signature; compares in constant time."""
    return any(hmac.compare_digest(signature(key, content), found) for key in keys)
