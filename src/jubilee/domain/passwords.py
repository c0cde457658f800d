"""Passwords: the rules for new ones, and the port that hashes them."""

import re
import unicodedata
from collections.abc import Collection, Container, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from jubilee.domain.breaches import BreachCheck
from jubilee.domain.errors import Invalid, Unavailable
from jubilee.domain.text import composed

MAX_PASSWORD_CHARS = 256  # code points; hashing megabytes would allow denial of service
PRODUCT = "jubilee"
MIN_WORD_CHARS = 3  # of the words that a name consists of
MIN_OTHER_CHARS = 5  # letters and digits that a password has beside such words
WORD = re.compile(r"[^\W_]+")


class PasswordTooShort(Invalid):
    """The password is too short."""

    code = "password_too_short"


class PasswordTooLong(Invalid):
    """The password is too long."""

    code = "password_too_long"


class PasswordTooCommon(Invalid):
    """The password is too common, or made of names of the account or the service."""

    code = "password_too_common"


class PasswordLeaked(Invalid):
    """The password is among those that were leaked from other services."""

    code = "password_leaked"


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
    OTHER_FORM = "other form"  # hashed under an older rule of normalisation: hash it again


async def match_password(
    hasher: PasswordHasher, password_hash: str | None, password: str
) -> PasswordMatch:
    """Compare the normal form, then those of older hashes where they differ.

    The number of comparisons depends only on the input, so timing reveals nothing about the
    account.
    """
    normal, *others = dict.fromkeys((normalized(password), composed(password), password))
    if await hasher.verify(password_hash, normal):
        return PasswordMatch.YES
    for other in others:
        if await hasher.verify(password_hash, other):
            return PasswordMatch.OTHER_FORM
    return PasswordMatch.NO


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """Rules for new passwords; rules of composition would make them easier to guess.

    Passwords are hashed in Unicode's normal form KC, so that the same characters are the same
    password on every keyboard. Their length is that of form C, in which no character counts twice.
    """

    min_length: int
    common: Container[str]
    service_names: Collection[str] = (PRODUCT,)
    breaches: BreachCheck | None = None

    def check(self, password: str, names: Collection[str | None]) -> None:
        """Raise PasswordTooShort, PasswordTooLong or PasswordTooCommon; lengths in code points.

        `names` are those of the account: its e-mail address, username and full name.
        """
        length = len(composed(password))
        if length < self.min_length:
            message = f"The password must have at least {self.min_length} characters."
            raise PasswordTooShort(message, pointer="/password")
        if length > MAX_PASSWORD_CHARS:
            message = f"The password must have at most {MAX_PASSWORD_CHARS} characters."
            raise PasswordTooLong(message, pointer="/password")
        folded = normalized(password).casefold()
        if folded in self.common or _is_made_of(folded, set(_words(*self.service_names, *names))):
            raise PasswordTooCommon(pointer="/password")

    async def check_leaks(self, password: str) -> None:
        """Raise PasswordLeaked if the normal form is in a known breach."""
        if self.breaches is not None and await self.breaches.is_leaked(normalized(password)):
            raise PasswordLeaked(pointer="/password")


async def hash_new(
    hasher: PasswordHasher, rules: PasswordRules, password: str, names: Collection[str | None]
) -> str:
    """Check and hash a new password; `names` are those of the account."""
    rules.check(password, names)
    await rules.check_leaks(password)
    return await hasher.hash(normalized(password))


def normalized(password: str) -> str:
    """Return the form in which passwords are hashed."""
    return unicodedata.normalize("NFKC", password)


def _words(*names: str | None) -> Iterator[str]:
    """Split names into words, folded; an address gives its parts and those of its domain."""
    for name in names:
        found = WORD.findall(normalized(name or "").casefold())
        yield from (word for word in found if len(word) >= MIN_WORD_CHARS)


def _is_made_of(folded: str, words: Collection[str]) -> bool:
    """Return whether little of the password remains without the words: `Zoe.Quill-1990`."""
    rest = folded
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest != folded and sum(map(str.isalnum, rest)) < MIN_OTHER_CHARS
