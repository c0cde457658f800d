"""Second factors, who must have one, and what their use cases refuse."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from jubilee.domain.errors import Conflict, NotAllowed, NotFound
from jubilee.domain.identity import UserId

MAX_TOTP_FACTORS = 5  # of one account


class FactorKind(StrEnum):
    """What an account can give beside its password."""

    TOTP = "totp"
    """A code of an authenticator app (RFC 6238)."""
    RECOVERY_CODE = "recovery_code"
    PASSKEY = "passkey"
    """Signs in without the password; it is both factors."""


class MfaRequirement(StrEnum):
    """Which accounts must have a second factor."""

    OFF = "off"
    ADMINS = "admins"
    ALL = "all"

    def applies_to(self, *, is_admin: bool) -> bool:
        """Return whether an account must have one."""
        return self is MfaRequirement.ALL or (self is MfaRequirement.ADMINS and is_admin)


class FactorNotFound(NotFound):
    """The factor does not exist or is not yours."""

    code = "factor_not_found"


class FactorConfirmed(Conflict):
    """The factor is already confirmed."""

    code = "factor_confirmed"


class TooManyFactors(Conflict):
    """The account has as many factors of this kind as it may have."""

    code = "too_many_factors"


class FactorNeeded(Conflict):
    """The account must keep a second factor: add another one first."""

    code = "factor_needed"


class NoFactor(Conflict):
    """The account has no authenticator app, to which recovery codes belong."""

    code = "no_factor"


class WrongCode(NotAllowed):
    """The code is wrong, expired, or was used before."""

    code = "wrong_code"


class FactorRequired(NotAllowed):
    """The account must have a second factor, and this session has none."""

    code = "factor_required"


@dataclass(frozen=True, slots=True, kw_only=True)
class TotpFactor:
    """An authenticator app; it counts once its first code has confirmed it."""

    id: UUID
    user_id: UserId
    sealed_secret: bytes = field(repr=False)
    created_at: datetime
    confirmed_at: datetime | None = None
    last_step: int | None = None
    """The time step, of 30 seconds since 1970, of the last code that was accepted."""


@dataclass(frozen=True, slots=True)
class TypedFactor:
    """A code as it was typed."""

    kind: FactorKind
    code: str = field(repr=False)
