"""Names of accounts: validation and normal forms of usernames and full names."""

from typing import Protocol, TypedDict, TypeVar

from jubilee.domain.errors import Invalid
from jubilee.domain.text import composed, person_name_fault
from jubilee.domain.usernames import USERNAME_RULE, prepared_username

MAX_FULL_NAME_CHARS = 200  # code points


class InvalidUsername(Invalid):
    """The username is not valid: letters of one script, digits, '.', '_' and '-'."""

    code = "invalid_username"


class InvalidFullName(Invalid):
    """The full name is not valid: it must be one line of visible characters."""

    code = "invalid_full_name"


class Names(TypedDict, total=False):
    """The members of a profile that are names."""

    username: str | None
    full_name: str | None


class NamedAccount(Protocol):
    """An account with names."""

    @property
    def username(self) -> str | None:
        """The stored form."""

    @property
    def full_name(self) -> str | None:
        """The stored form."""


N = TypeVar("N", bound=Names)


def checked_names(names: N, before: NamedAccount | None = None) -> N:
    """Return the members with names normalized; raise InvalidUsername or InvalidFullName.

    Names that the account already has are not checked again: they may be older than the rules.
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
    return known if composed(name) == known else normalized_username(name)


def _full_name(name: str | None, known: str | None) -> str | None:
    return name if name is None or name == known else normalized_full_name(name)


def normalized_username(name: str) -> str:
    """Return the name in its usual width and NFC; raise InvalidUsername."""
    kept = prepared_username(name)
    if kept is None:
        raise InvalidUsername(USERNAME_RULE, pointer="/username")
    return kept


def normalized_full_name(name: str) -> str:
    """Return the name in NFC; raise InvalidFullName."""
    kept = composed(name)
    fault = person_name_fault(kept)
    if fault is None and len(kept) > MAX_FULL_NAME_CHARS:
        fault = f"It must have at most {MAX_FULL_NAME_CHARS} characters."
    if fault is not None:
        raise InvalidFullName(fault, pointer="/full_name")
    return kept
