"""Passwords: the rules for new ones, and the port that hashes them."""

import unicodedata
from collections.abc import Container
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from jubilee.domain.errors import Invalid, Unavailable
from jubilee.domain.text import composed

MAX_PASSWORD_CHARS = 256  # code points; hashing megabytes would allow denial of service
PRODUCT = "jubilee"


class PasswordTooShort(Invalid):
    """The password is too short."""

    code = "password_too_short"


class PasswordTooLong(Invalid):
    """The password is too long."""

    code = "password_too_long"


class PasswordTooCommon(Invalid):
    """The password is too common."""

    code = "password_too_common"


class HasherBusy(Unavailable):
    """Too many password checks are waiting; try again shortly."""

    code = "busy"


# Ports


class PasswordHasher(Protocol):
    """Hashes passwords off the event loop; `hash` and `verify` may raise HasherBusy."""

    async def hash(self, password: str) -> str:
        """Return the hash, including salt and parameters."""

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Return whether they match; without a hash, do the same work and return False."""

    def is_outdated(self, password_hash: str) -> bool:
        """Return whether the hash has weaker parameters than the current ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChange:
    """The new and the current password sent with a change of an account."""

    new: str | None = field(default=None, repr=False)
    current: str | None = field(default=None, repr=False)


class PasswordMatch(Enum):
    """Whether a password matches a hash, and in which form."""

    NO = "no"
    YES = "yes"
    AS_TYPED = "as typed"  # hashed before passwords were normalised: hash it again


async def match_password(
    hasher: PasswordHasher, password_hash: str | None, password: str
) -> PasswordMatch:
    """Compare the normal form, then the password as typed if that differs.

    Whether there is a second comparison depends only on the input, so timing reveals nothing
    about the account.
    """
    normal = composed(password)
    if await hasher.verify(password_hash, normal):
        return PasswordMatch.YES
    if normal != password and await hasher.verify(password_hash, password):
        return PasswordMatch.AS_TYPED
    return PasswordMatch.NO


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """Rules for length and common passwords; rules of composition make passwords guessable.

    Passwords are checked and hashed in Unicode's normal form C, so that the same characters are the
    same password on every keyboard.
    """

    min_length: int
    common: Container[str]

    def check(self, password: str, email: str, username: str) -> None:
        """Raise PasswordTooShort, PasswordTooLong or PasswordTooCommon; lengths in code points."""
        if len(password) < self.min_length:
            message = f"The password must have at least {self.min_length} characters."
            raise PasswordTooShort(message, pointer="/password")
        if len(password) > MAX_PASSWORD_CHARS:
            message = f"The password must have at most {MAX_PASSWORD_CHARS} characters."
            raise PasswordTooLong(message, pointer="/password")
        guessable = {email, email.partition("@")[0], username, PRODUCT}
        folded = _folded(password)
        if folded in self.common or folded in {_folded(word) for word in guessable}:
            raise PasswordTooCommon(pointer="/password")


async def hash_new(
    hasher: PasswordHasher, rules: PasswordRules, password: str, names: tuple[str, str | None]
) -> str:
    """Check and hash a new password; `names` are the e-mail address and the username."""
    normal, (email, username) = composed(password), names
    rules.check(normal, email, username or "")
    return await hasher.hash(normal)


def _folded(password: str) -> str:
    return unicodedata.normalize("NFKC", password).casefold()
