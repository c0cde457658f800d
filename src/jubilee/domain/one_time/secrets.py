"""Tokens and codes of mailed links: derived from the link's id by a key, stored as hashes."""

import hmac
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from jubilee.domain.base64url import encode_base64url

CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without 0, 1, I, L and O, which look like one another."""

CODE_CHARS = 8
SEPARATORS = str.maketrans("", "", " -")


class HashedLink(Protocol):
    """A link of a mail and the code beside it, as they are stored."""

    @property
    def id(self) -> UUID:
        """What token and code are derived from."""

    @property
    def token_hash(self) -> bytes:
        """Hash of the token."""

    @property
    def code_hash(self) -> bytes:
        """Hash of the code."""


@dataclass(frozen=True, slots=True)
class LinkSecrets:
    """Derives the token (256 bits) and the code of a link.

    Neither is stored: a mail that is sent again has the same ones, and the database alone tells
    none of them. `key` is for new links; the previous ones still belong to older links.
    """

    key: bytes = field(repr=False)
    previous_keys: tuple[bytes, ...] = field(default=(), repr=False)

    def hashes(self, link_id: UUID) -> tuple[bytes, bytes]:
        """Return the hashes of token and code of a new link."""
        return token_hash(_token(self.key, link_id)), _code_hash(
            self.key, link_id, _code(self.key, link_id)
        )

    def reveal(self, link: HashedLink) -> tuple[str, str]:
        """Return token and code of a link; raise ValueError if its key is no longer known."""
        for key in (self.key, *self.previous_keys):
            token = _token(key, link.id)
            if hmac.compare_digest(token_hash(token), link.token_hash):
                return token, _code(key, link.id)
        raise ValueError("the key of this link is not known any more")

    def is_code(self, link: HashedLink, typed: str) -> bool:
        """Return whether it is the link's code, in any case, with or without separators."""
        code = typed.translate(SEPARATORS).upper()
        keys = (self.key, *self.previous_keys)
        found = [
            hmac.compare_digest(_code_hash(key, link.id, code), link.code_hash) for key in keys
        ]
        return any(found)


def token_hash(token: str) -> bytes:
    """Return the hash of a token, as stored; 256 random bits need no slow hash."""
    return sha256(token.encode(errors="surrogatepass")).digest()


def readable(code: str) -> str:
    """Return a code as people read it: `ABCD-EFGH`."""
    return f"{code[: CODE_CHARS // 2]}-{code[CODE_CHARS // 2 :]}"


def _token(key: bytes, link_id: UUID) -> str:
    return encode_base64url(hmac.digest(key, b"token" + link_id.bytes, "sha256"))


def _code(key: bytes, link_id: UUID) -> str:
    number = int.from_bytes(hmac.digest(key, b"code" + link_id.bytes, "sha256"), "big")
    places = (number // len(CODE_ALPHABET) ** place for place in range(CODE_CHARS))
    return "".join(CODE_ALPHABET[place % len(CODE_ALPHABET)] for place in places)


def _code_hash(key: bytes, link_id: UUID, code: str) -> bytes:
    """Return a keyed hash: 40 bits alone could be found by trying all of them."""
    return hmac.digest(key, b"hash" + link_id.bytes + code.encode(errors="surrogatepass"), "sha256")
