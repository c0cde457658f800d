"""The account, what of it can be changed, and what use cases refuse."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from jubilee.domain.errors import Conflict, Invalid, NotAllowed, NotFound
from jubilee.domain.identity import UserId
from jubilee.domain.names import Names

SERVICE_DOMAIN = "service-accounts.invalid"
"""Domain of the addresses of service accounts; no mail can be sent to it (RFC 2606)."""


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


class UnconfirmedEmail(Invalid):
    """The e-mail address is changed by `POST /users/me/email`, and confirmed by a mail to it."""

    code = "unconfirmed_email"


class EmailNotVerified(NotAllowed):
    """The e-mail address is not verified yet: follow the link in the mail, or request another."""

    code = "email_not_verified"


class EmailVerification(StrEnum):
    """Whether accounts verify their addresses."""

    OFF = "off"
    """They may, on request."""
    OPTIONAL = "optional"
    """Registration mails a link, and a change of address is confirmed."""
    REQUIRED = "required"
    """As optional, and sign-in is refused until then."""


class ServiceAccountRefused(Conflict):
    """A service account has no password, e-mail address or role of its own."""

    code = "service_account"


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
    identities: tuple[str, ...] = ()
    """Names of the providers that the account is linked with; they are stored elsewhere."""
    date_of_birth: date | None = None
    time_zone: str | None = None
    birthday_greeting: bool = True
    locale: str | None = None
    """The language of mails, such as `de`; None is English."""
    email_verified_at: datetime | None = None
    locked_at: datetime | None = None
    locked_until: datetime | None = None
    """When a lock ends by itself; None: it has to be lifted."""
    lock_reason: str | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def email_verified(self) -> bool:
        """Whether the account has proved that it reads mail to its address."""
        return self.email_verified_at is not None

    def is_locked(self, now: datetime) -> bool:
        """Return whether an admin, support or an operator has locked the account."""
        lasts = self.locked_until is None or now < self.locked_until
        return self.locked_at is not None and lasts

    def may_sign_in(self, now: datetime) -> bool:
        """Return whether the account is neither disabled nor locked."""
        return self.is_active and not self.is_locked(now)

    def unlocked(self) -> "User":
        """Return the account without a lock."""
        return replace(self, locked_at=None, locked_until=None, lock_reason=None)

    @property
    def is_service(self) -> bool:
        """Whether it is the account of a machine, which never signs in."""
        return self.email.endswith(f"@{SERVICE_DOMAIN}")


class Profile(Names, total=False):
    """The members of an account that can be set; absent members stay unchanged."""

    email: str
    date_of_birth: date | None
    time_zone: str | None
    birthday_greeting: bool
    locale: str | None
    is_active: bool
    is_superuser: bool


@dataclass(frozen=True, slots=True)
class EmailPolicy:
    """What the settings say about addresses."""

    verification: EmailVerification = EmailVerification.OFF
    hides_accounts: bool = False
    """Whether no answer reveals that an address has an account; its owner learns it by mail."""

    @property
    def verifies(self) -> bool:
        """Whether registration mails a link that verifies the address."""
        return self.verification is not EmailVerification.OFF

    @property
    def confirms_changes(self) -> bool:
        """Whether accounts change their address only by a mail to the new one."""
        return self.verifies or self.hides_accounts

    def allows_sign_in(self, user: User) -> bool:
        """Return whether the account may sign in, as far as its address is concerned."""
        return self.verification is not EmailVerification.REQUIRED or user.email_verified
