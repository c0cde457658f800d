"""The names that an account bears: which are refused, and how those that are taken are kept."""

from typing import Protocol, TypedDict, TypeVar

from jubilee.domain.errors import Invalid
from jubilee.domain.text import composed, person_name_fault
from jubilee.domain.usernames import USERNAME_RULE, prepared_username

FULL_NAME_LENGTH = 200  # code points


class InvalidUsername(Invalid):
    """The username breaks a rule: letters of one script, digits, '.', '_' and '-'."""

    code = "invalid_username"


class InvalidFullName(Invalid):
    """The full name breaks a rule: it is one line of visible characters."""

    code = "invalid_full_name"


class Names(TypedDict, total=False):
    """The members of a profile that are names."""

    username: str | None
    full_name: str | None


class Named(Protocol):
    """An account, as far as its names go."""

    @property
    def username(self) -> str | None:
        """As it is kept."""

    @property
    def full_name(self) -> str | None:
        """As it is kept."""


N = TypeVar("N", bound=Names)


def checked_names(names: N, before: Named | None = None) -> N:
    """The same members with the names as they are kept; raises the rule that is broken.

    A name that the account bears already is not judged again: it may be older than the rule.
    """
    checked = names.copy()
    if "username" in names:
        checked["username"] = _username(names["username"], before.username if before else None)
    if "full_name" in names:
        checked["full_name"] = _full_name(names["full_name"], before.full_name if before else None)
    return checked


def _username(name: str | None, known: str | None) -> str | None:
    if name is None or name == known:
        return name
    return known if composed(name) == known else kept_username(name)


def _full_name(name: str | None, known: str | None) -> str | None:
    return name if name is None or name == known else kept_full_name(name)


def kept_username(name: str) -> str:
    """In its usual width and in NFC; raises InvalidUsername."""
    kept = prepared_username(name)
    if kept is None:
        raise InvalidUsername(USERNAME_RULE, pointer="/username")
    return kept


def kept_full_name(name: str) -> str:
    """In NFC; raises InvalidFullName."""
    kept = composed(name)
    fault = person_name_fault(kept)
    if fault is None and len(kept) > FULL_NAME_LENGTH:
        fault = f"It may have {FULL_NAME_LENGTH} characters at most."
    if fault is not None:
        raise InvalidFullName(fault, pointer="/full_name")
    return kept
