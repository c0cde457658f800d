"""Request and response bodies of accounts."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Self, cast
from uuid import UUID

from pydantic import ConfigDict, Field

from jubilee.domain.users.user import Profile, User
from jubilee.entrypoints.http.fields import (
    CalendarDate,
    Email,
    FullName,
    Language,
    NewFullName,
    NewUsername,
    Password,
    Search,
    Username,
    ZoneName,
    absent,
)
from jubilee.entrypoints.http.framework.endpoint import Model, ReplyModel
from jubilee.entrypoints.http.framework.paging import PageQuery, PageReply
from jubilee.entrypoints.http.framework.rows import row_reader

ACCOUNT_EXAMPLE = {
    "id": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f",
    "email": "zoe@example.com",
    "username": "zoe",
    "full_name": "Zoe Quill",
    "is_active": True,
    "is_superuser": False,
    "oauth_provider": None,
    "identities": [],
    "date_of_birth": "1990-02-28",
    "time_zone": "Europe/Vienna",
    "birthday_greeting": True,
    "locale": "de",
    "email_verified": True,
    "locked_at": None,
    "locked_until": None,
    "created_at": "2026-11-20T09:00:00Z",
    "updated_at": "2026-11-20T09:00:00Z",
}


def _only_sent(profile: Profile, sent: Collection[str]) -> Profile:
    return cast("Profile", {name: value for name, value in profile.items() if name in sent})


class ProfileBody(Model):
    """A whole profile; an absent member takes its default."""

    email: Email
    username: Username | None = None
    full_name: FullName | None = None
    date_of_birth: CalendarDate | None = None
    time_zone: ZoneName | None = None
    birthday_greeting: bool = Field(True, description="whether to send a greeting by mail")
    locale: Language | None = None

    def to_domain(self) -> Profile:
        """Return all fields."""
        return {
            "email": self.email,
            "username": self.username,
            "full_name": self.full_name,
            "date_of_birth": self.date_of_birth,
            "time_zone": self.time_zone,
            "birthday_greeting": self.birthday_greeting,
            "locale": self.locale,
        }


class ProfilePatch(Model):
    """Changes of a profile: absent members are kept, null removes a value."""

    email: Email = absent()
    username: Username | None = None
    full_name: FullName | None = None
    date_of_birth: CalendarDate | None = None
    time_zone: ZoneName | None = None
    birthday_greeting: bool = absent()
    locale: Language | None = None

    def to_domain(self) -> Profile:
        """Return the fields that the client sent."""
        profile: Profile = {
            "email": self.email,
            "username": self.username,
            "full_name": self.full_name,
            "date_of_birth": self.date_of_birth,
            "time_zone": self.time_zone,
            "birthday_greeting": self.birthday_greeting,
            "locale": self.locale,
        }
        return _only_sent(profile, self.model_fields_set)


class PasswordFields(Model):
    """A new password, and the current one as proof."""

    password: Password | None = None
    current_password: Password | None = Field(
        None, description="required to change one's own e-mail address or password"
    )


class Registration(ProfileBody):
    """An account to create."""

    username: NewUsername | None = None
    full_name: NewFullName | None = None
    password: Password


class OwnAccount(ProfileBody, PasswordFields):
    """The whole profile of one's own account."""


class OwnAccountPatch(ProfilePatch, PasswordFields):
    """Changes of one's own account."""


class Account(OwnAccount):
    """A whole account, as an admin may replace it."""

    is_active: bool = True
    is_superuser: bool = False

    def to_domain(self) -> Profile:
        """Return all fields."""
        return {
            **super().to_domain(),
            "is_active": self.is_active,
            "is_superuser": self.is_superuser,
        }


class AccountPatch(OwnAccountPatch):
    """Changes of an account, as an admin may make them."""

    is_active: bool = absent()
    is_superuser: bool = absent()

    def to_domain(self) -> Profile:
        """Return the fields that the client sent."""
        profile: Profile = {
            **super().to_domain(),
            "is_active": self.is_active,
            "is_superuser": self.is_superuser,
        }
        return _only_sent(profile, self.model_fields_set)


class UserQuery(PageQuery):
    """Filter of the list of accounts."""

    q: Search | None = None


class UserReply(ReplyModel):
    """An account; its owner and admins may read all members."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str
    username: str | None
    full_name: str | None
    is_active: bool
    is_superuser: bool
    oauth_provider: str | None
    identities: list[str] = Field(
        description="names of the providers that the account is linked with"
    )
    date_of_birth: date | None
    time_zone: str | None
    birthday_greeting: bool
    locale: str | None
    email_verified: bool
    locked_at: datetime | None = Field(description="when an admin or support locked the account")
    locked_until: datetime | None = Field(
        description="when the lock ends by itself; null: it has to be lifted"
    )
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, user: User) -> Self:
        """Make the reply for a user, without the password hash."""
        return cls.model_validate(user)


user_row = row_reader(UserReply)


class UserPage(PageReply):
    """One page of accounts."""

    items: list[UserReply]


class DeletionReply(ReplyModel):
    """A deletion that waits."""

    due_at: datetime = Field(description="when the account is deleted, unless it is restored")
