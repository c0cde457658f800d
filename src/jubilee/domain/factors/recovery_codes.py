"""Recovery codes: ten to a set, each of them accepted once, stored as hashes."""

import hmac
from hashlib import sha256

CODES = 10  # in a set
CODE_BYTES = 15  # 120 bits: no slow hash is needed, guessing is hopeless
GROUP_CHARS = 4
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's, five bits a character: without I, L, O and U."""

CHARS = CODE_BYTES * 8 // 5
LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1", " ": None, "-": None})


def make_codes(seed: bytes) -> tuple[str, ...]:
    """Derive a set of codes from 32 random bytes; each is written as `ABCD-...-WXYZ`."""
    return tuple(_written(hmac.digest(seed, bytes([n]), "sha256")) for n in range(CODES))


def code_hash(typed: str) -> bytes:
    """Return the hash of a code, as stored; case, spaces, hyphens and lookalikes do not matter."""
    return sha256(typed.upper().translate(LOOKALIKES).encode(errors="surrogatepass")).digest()


def _written(digest: bytes) -> str:
    number = int.from_bytes(digest[:CODE_BYTES], "big")
    text = "".join(ALPHABET[number >> 5 * place & 31] for place in range(CHARS))
    return "-".join(text[n : n + GROUP_CHARS] for n in range(0, CHARS, GROUP_CHARS))
