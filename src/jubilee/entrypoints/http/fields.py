"""The types of members that more than one body has; each is named once."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, EmailStr, Field
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from jubilee.domain.calendar import zone_names
from jubilee.domain.mail_addresses import MAX_ADDRESS_CHARS, is_mail_address
from jubilee.domain.names import (
    MAX_FULL_NAME_CHARS,
    InvalidFullName,
    InvalidUsername,
    kept_full_name,
    kept_username,
)
from jubilee.domain.usernames import MAX_USERNAME_CHARS, USERNAME_RULE
from jubilee.entrypoints.http.text_patterns import (
    LINE_PATTERN,
    LINE_TEXT,
    USERNAME_PATTERN,
    USERNAME_TEXT,
    DocumentedPattern,
)

WRITTEN_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def absent() -> Any:  # noqa: ANN401  # the default of a member of any type
    """The default of a member that may be left out but is never null: see `model_fields_set`."""
    return Field(default=None, json_schema_extra=_without_default)


def _without_default(schema: JsonDict) -> None:
    schema.pop("default", None)


def _zone(name: str) -> str:
    if name not in zone_names():
        raise PydanticCustomError("unknown_time_zone", "The time zone is not a known IANA name.")
    return name


def _date(value: object) -> object:
    """Pydantic alone would take a text of digits, too, as seconds since 1970."""
    if not isinstance(value, str):
        return value
    try:
        if WRITTEN_DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise PydanticCustomError("invalid_date", "A date is written YYYY-MM-DD, and has to exist.")


def _address(value: object) -> object:
    """Pydantic alone would take `Zoe <zoe@example.com>`, too, and spaces around it."""
    if isinstance(value, str) and ("<" in value or value != value.strip()):
        raise PydanticCustomError("invalid_address", "This is no plain e-mail address.")
    return value


def _writable(address: str) -> str:
    """What may stand in a mail header; Pydantic alone would count characters before the @."""
    if not is_mail_address(address):
        raise PydanticCustomError("invalid_address", "This is no address that mail can be sent to.")
    return address


def _username(name: str) -> str:
    try:
        return kept_username(name)
    except InvalidUsername as error:
        raise PydanticCustomError(error.code, USERNAME_RULE) from None


def _full_name(name: str) -> str:
    try:
        return kept_full_name(name)
    except InvalidFullName as error:
        raise PydanticCustomError(error.code, "{reason}", {"reason": str(error)}) from None


Email = Annotated[
    EmailStr,
    BeforeValidator(_address),
    AfterValidator(_writable),
    Field(
        max_length=MAX_ADDRESS_CHARS,
        description="one plain address; 64 bytes at most before the @, and no `=?`",
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
"""Either may be one that the account bears already; whether it is, only the domain knows."""
NewUsername = Annotated[Username, AfterValidator(_username)]
NewFullName = Annotated[FullName, AfterValidator(_full_name)]
CalendarDate = Annotated[date, BeforeValidator(_date)]
ZoneName = Annotated[str, Field(max_length=64, examples=["Europe/Vienna"]), AfterValidator(_zone)]
Password = Annotated[
    str, Field(min_length=1, max_length=10_000, examples=["correct horse battery"])
]
Search = Annotated[str, Field(min_length=1, max_length=200, description="words to look for")]
