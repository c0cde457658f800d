"""Texts of secrets that programs keep: a prefix, random characters, and a checksum.

Secret scanners find them by prefix and checksum, without asking the service. A text of another form
is refused without a query.
"""

import re
from hashlib import sha256
from string import ascii_letters, digits
from zlib import crc32

SECRET_BYTES = 24
"""Random bytes of a text: 192 bits need no slow hash."""

ALPHABET = digits + ascii_letters
RANDOM_CHARS = 33  # of base 62, for SECRET_BYTES
CHECKSUM_CHARS = 6  # of base 62, for 32 bits
FORM = re.compile(r"([a-z]+_)([0-9A-Za-z]{33})([0-9A-Za-z]{6})")


def secret_text(prefix: str, secret: bytes) -> str:
    """Return the text of SECRET_BYTES random bytes."""
    body = prefix + _base62(int.from_bytes(secret, "big"), RANDOM_CHARS)
    return body + _checksum(body)


def is_secret_text(prefix: str, text: str) -> bool:
    """Return whether the text has this prefix and a correct checksum."""
    found = FORM.fullmatch(text)
    return found is not None and found[1] == prefix and found[3] == _checksum(found[1] + found[2])


def hashed(text: str) -> bytes:
    """Return the hash of a text, as stored."""
    return sha256(text.encode()).digest()


def _checksum(body: str) -> str:
    return _base62(crc32(body.encode()), CHECKSUM_CHARS)


def _base62(number: int, width: int) -> str:
    found = []
    for _ in range(width):
        number, digit = divmod(number, len(ALPHABET))
        found.append(ALPHABET[digit])
    return "".join(reversed(found))
