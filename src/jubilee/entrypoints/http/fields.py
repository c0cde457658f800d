"""Types of members that several request bodies share."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, EmailStr, Field
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from jubilee.domain.account_locks import MAX_REASON_CHARS
from jubilee.domain.calendar import zone_names
from jubilee.domain.mail_addresses import MAX_ADDRESS_CHARS, is_mail_address
from jubilee.domain.names import (
    MAX_FULL_NAME_CHARS,
    InvalidFullName,
    InvalidUsername,
    normalized_full_name,
    normalized_username,
)
from jubilee.domain.usernames import MAX_USERNAME_CHARS, USERNAME_RULE
from jubilee.entrypoints.http.text_patterns import (
    LINE_PATTERN,
    LINE_TEXT,
    TITLE_PATTERN,
    USERNAME_PATTERN,
    USERNAME_TEXT,
    DocumentedPattern,
)

UUID_PATTERN = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
WRITTEN_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def absent() -> Any:  # noqa: ANN401  # the default of members of all types
    """Return the default of a member that may be absent but not null; see `model_fields_set`."""
    return Field(default=None, json_schema_extra=_without_default)


def _without_default(schema: JsonDict) -> None:
    schema.pop("default", None)


def _zone(name: str) -> str:
    if name not in zone_names():
        raise PydanticCustomError("unknown_time_zone", "Input should be an IANA time zone")
    return name


def _date(value: object) -> object:
    """Accept YYYY-MM-DD only: Pydantic would also read digits as seconds since 1970."""
    if not isinstance(value, str):
        return value
    try:
        if WRITTEN_DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise PydanticCustomError("invalid_date", "Input should be an existing date as YYYY-MM-DD")


def _uuid(value: object) -> object:
    """Read the text that JSON has for an id."""
    if not isinstance(value, str):
        return value
    if re.fullmatch(UUID_PATTERN, value):
        return UUID(value)
    raise PydanticCustomError("invalid_id", "Input should be a UUID")


def _instant(value: object) -> object:
    """Accept RFC 3339 only: Pydantic would also read digits as seconds since 1970."""
    if not isinstance(value, str):
        return value
    try:
        if RFC_3339.fullmatch(value):
            return datetime.fromisoformat(value.upper())
    except ValueError:
        pass
    raise PydanticCustomError(
        "invalid_instant", "Input should be a time in RFC 3339 format with a UTC offset"
    )


def _without_name(value: object) -> object:
    """Refuse `Zoe <zoe@example.com>` and outer spaces, which Pydantic would remove."""
    if isinstance(value, str) and ("<" in value or value != value.strip()):
        raise PydanticCustomError("invalid_address", "Input should be a plain e-mail address")
    return value


def _mail_address(address: str) -> str:
    """Apply the rule of all addresses to what Pydantic has normalized."""
    if not is_mail_address(address):
        raise PydanticCustomError(
            "invalid_address", "Input should be an address that mail can be sent to"
        )
    return address


def _username(name: str) -> str:
    try:
        return normalized_username(name)
    except InvalidUsername as error:
        raise PydanticCustomError(error.code, USERNAME_RULE) from None


def _full_name(name: str) -> str:
    try:
        return normalized_full_name(name)
    except InvalidFullName as error:
        raise PydanticCustomError(error.code, "{reason}", {"reason": str(error)}) from None


Email = Annotated[
    EmailStr,
    BeforeValidator(_without_name),
    AfterValidator(_mail_address),
    Field(
        max_length=MAX_ADDRESS_CHARS,
        description="a plain address, with at most 64 bytes before the @ and without `=?`",
        examples=["zoe@example.com"],
    ),
]
Username = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_USERNAME_CHARS,
        description=USERNAME_TEXT,
        examples=["zoe"],
    ),
    DocumentedPattern(USERNAME_PATTERN),
]
FullName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_FULL_NAME_CHARS,
        description=f"{LINE_TEXT}, without `=?`",
        examples=["Zoe Quill"],
    ),
    DocumentedPattern(LINE_PATTERN),
]
"""`Username` and `FullName` may be those that the account already has, under older rules; the
domain checks new ones. `NewUsername` and `NewFullName` are always checked."""
NewUsername = Annotated[Username, AfterValidator(_username)]
NewFullName = Annotated[FullName, AfterValidator(_full_name)]
Reason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_REASON_CHARS,
        description=f"{LINE_TEXT}; it is kept in the audit log, so without names",
        examples=["asked for by telephone, ticket 4711"],
    ),
    DocumentedPattern(TITLE_PATTERN),
]
AccountId = Annotated[UUID, BeforeValidator(_uuid)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
CalendarDate = Annotated[date, BeforeValidator(_date)]
ZoneName = Annotated[str, Field(max_length=64, examples=["Europe/Vienna"]), AfterValidator(_zone)]
Language = Annotated[Literal["en", "de"], Field(description="language of mails; null is English")]
Password = Annotated[
    str, Field(min_length=1, max_length=10_000, examples=["correct horse battery"])
]
Search = Annotated[str, Field(min_length=1, max_length=200, description="words to search for")]
