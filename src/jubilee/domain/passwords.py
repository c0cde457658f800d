"""Passwords: what is good enough, and the port that hashes them."""

import unicodedata
from collections.abc import Container
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from jubilee.domain.errors import Invalid, Unavailable
from jubilee.domain.text import composed

MAX_LENGTH = 256  # code points; a hash of megabytes would be a gift to an attacker
PRODUCT = "jubilee"


class PasswordTooShort(Invalid):
    """The password is too short."""

    code = "password_too_short"


class PasswordTooLong(Invalid):
    """The password is too long."""

    code = "password_too_long"


class PasswordTooCommon(Invalid):
    """The password is one of those that are tried first."""

    code = "password_too_common"


class HasherBusy(Unavailable):
    """Too many passwords wait to be checked; try again shortly."""

    code = "busy"


class PasswordHasher(Protocol):
    """Hashes slowly, away from the event loop; every call may raise HasherBusy."""

    async def hash(self, password: str) -> str:
        """The hash, its salt and parameters included."""

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether they match; without a hash it does the same work and says no."""

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was made with weaker parameters than today's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChange:
    """The secrets that come with a change of an account."""

    new: str | None = field(default=None, repr=False)
    current: str | None = field(default=None, repr=False)


class PasswordMatch(Enum):
    """Whether a password is that of a hash, and in which form."""

    NO = "no"
    YES = "yes"
    AS_TYPED = "as typed"  # the hash was made before passwords were normalised: make it anew


async def match_password(
    hasher: PasswordHasher, password_hash: str | None, password: str
) -> PasswordMatch:
    """Compare the normal form, then what was typed, where it is another.

    The second try depends on the password that was sent alone: it tells nothing of the account.
    """
    normal = composed(password)
    if await hasher.verify(password_hash, normal):
        return PasswordMatch.YES
    if normal != password and await hasher.verify(password_hash, password):
        return PasswordMatch.AS_TYPED
    return PasswordMatch.NO


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """Length and rarity; no rule of composition, which only makes passwords guessable.

    Passwords are checked and hashed in Unicode's normal form C, so that the same characters are the
    same password on every keyboard.
    """

    min_length: int
    common: Container[str]

    def check(self, password: str, email: str, username: str) -> None:
        """Raises the rule that is broken; lengths count code points."""
        if len(password) < self.min_length:
            message = f"The password needs {self.min_length} characters at least."
            raise PasswordTooShort(message, pointer="/password")
        if len(password) > MAX_LENGTH:
            message = f"The password may have {MAX_LENGTH} characters at most."
            raise PasswordTooLong(message, pointer="/password")
        known = {email, email.partition("@")[0], username, PRODUCT}
        folded = _folded(password)
        if folded in self.common or folded in {_folded(word) for word in known}:
            raise PasswordTooCommon(pointer="/password")


async def hash_new(
    hasher: PasswordHasher, rules: PasswordRules, password: str, names: tuple[str, str | None]
) -> str:
    """The hash of the normal form; raises the rule that is broken. `names`: e-mail and username."""
    normal, (email, username) = composed(password), names
    rules.check(normal, email, username or "")
    return await hasher.hash(normal)


def _folded(password: str) -> str:
    return unicodedata.normalize("NFKC", password).casefold()
