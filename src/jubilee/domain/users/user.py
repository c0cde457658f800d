"""The account, what of it can be changed, and what use cases refuse."""

from dataclasses import dataclass, field
from datetime import date, datetime

from jubilee.domain.errors import Conflict, Invalid, NotAllowed, NotFound
from jubilee.domain.identity import UserId
from jubilee.domain.names import Names


class UserNotFound(NotFound):
    """The account does not exist."""

    code = "user_not_found"


class EmailTaken(Conflict):
    """The e-mail address is already used by an account."""

    code = "email_taken"


class UsernameTaken(Conflict):
    """The username is already used by an account."""

    code = "username_taken"


class LastAdmin(Conflict):
    """The last active admin cannot be demoted, disabled or deleted."""

    code = "last_admin"


class CurrentPasswordNeeded(Invalid):
    """Changing the e-mail address or the password needs the current password."""

    code = "current_password_needed"


class WrongCurrentPassword(NotAllowed):
    """The current password is wrong."""

    code = "wrong_current_password"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user account."""

    id: UserId
    email: str
    username: str | None = None
    full_name: str | None = None
    password_hash: str | None = field(default=None, repr=False)
    is_active: bool = True
    is_superuser: bool = False
    oauth_provider: str | None = None
    date_of_birth: date | None = None
    time_zone: str | None = None
    birthday_greeting: bool = True
    created_at: datetime
    updated_at: datetime


class Profile(Names, total=False):
    """The members of an account that can be set; absent members stay unchanged."""

    email: str
    date_of_birth: date | None
    time_zone: str | None
    birthday_greeting: bool
    is_active: bool
    is_superuser: bool
