"""Accounts on the wire."""

from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from jubilee.domain.users import User
from jubilee.entrypoints.http.fields import (
    CalendarDate,
    Email,
    FullName,
    NewFullName,
    NewUsername,
    Password,
    Search,
    Username,
    ZoneName,
    absent,
)
from jubilee.entrypoints.http.framework.endpoint import Model
from jubilee.entrypoints.http.framework.paging import PageQuery, PageReply

ACCOUNT_EXAMPLE = {
    "id": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f",
    "email": "zoe@example.com",
    "username": "zoe",
    "full_name": "Zoe Quill",
    "is_active": True,
    "is_superuser": False,
    "oauth_provider": None,
    "date_of_birth": "1990-02-28",
    "time_zone": "Europe/Vienna",
    "birthday_greeting": True,
    "created_at": "2026-11-20T09:00:00Z",
    "updated_at": "2026-11-20T09:00:00Z",
}


class ProfileBody(Model):
    """What a person says of themselves; what is left out takes its default."""

    email: Email
    username: Username | None = None
    full_name: FullName | None = None
    date_of_birth: CalendarDate | None = None
    time_zone: ZoneName | None = None
    birthday_greeting: bool = Field(True, description="whether a greeting is wanted by mail")


class ProfilePatch(Model):
    """The same, each member on its own: absent keeps, null removes."""

    email: Email = absent()
    username: Username | None = None
    full_name: FullName | None = None
    date_of_birth: CalendarDate | None = None
    time_zone: ZoneName | None = None
    birthday_greeting: bool = absent()


class PasswordFields(Model):
    """A new password, and the present one as proof."""

    password: Password | None = None
    current_password: Password | None = Field(
        None, description="needed to change one's own e-mail address or password"
    )


class Registration(ProfileBody):
    """A new account."""

    username: NewUsername | None = None
    full_name: NewFullName | None = None
    password: Password


class OwnAccount(ProfileBody, PasswordFields):
    """The whole of one's own profile."""


class OwnAccountPatch(ProfilePatch, PasswordFields):
    """Some of one's own profile."""


class Account(OwnAccount):
    """The whole of an account, as an admin may set it."""

    is_active: bool = True
    is_superuser: bool = False


class AccountPatch(OwnAccountPatch):
    """Some of an account, as an admin may change it."""

    is_active: bool = absent()
    is_superuser: bool = absent()


class UserQuery(PageQuery):
    """Which accounts."""

    q: Search | None = None


class UserReply(BaseModel):
    """An account as it is shown: nothing in it is secret from its owner."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str
    username: str | None
    full_name: str | None
    is_active: bool
    is_superuser: bool
    oauth_provider: str | None
    date_of_birth: date | None
    time_zone: str | None
    birthday_greeting: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, user: User) -> Self:
        """The entity's members, but for the password's hash."""
        return cls.model_validate(user)


class UserPage(PageReply):
    """One page of accounts."""

    items: list[UserReply]
