"""Base64 for URLs without padding (RFC 4648, section 5), as tokens and cursors are written."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def encode_base64url(raw: bytes) -> str:
    """Return the bytes as text of letters, digits, `-` and `_`."""
    return urlsafe_b64encode(raw).decode().rstrip("=")


def decode_base64url(text: str) -> bytes:
    """Return the bytes of a text; raise ValueError if it is not ASCII or not Base64."""
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))


def decode_canonical(text: str) -> bytes:
    """Return the bytes of a text that `encode_base64url` wrote; raise ValueError for any other.

    Several texts have the same bytes: of what is signed, only the issued one is valid.
    """
    raw = decode_base64url(text)
    if encode_base64url(raw) != text:
        raise ValueError("not the canonical Base64 of its bytes")
    return raw
