"""Group the rules of the services that the settings choose."""

from dataclasses import dataclass, field
from datetime import timedelta

from jubilee.domain.api_tokens.service import ApiTokenRules
from jubilee.domain.auth.opening import RefreshPolicy
from jubilee.domain.birthday_rules import BirthdayRules
from jubilee.domain.factors.factor import MfaRequirement
from jubilee.domain.identities.flow import FlowRules
from jubilee.domain.passwords import PasswordRules
from jubilee.domain.signing_keys.changes import KeyPolicy
from jubilee.domain.users.recent_proof import DEFAULT_WINDOW
from jubilee.domain.users.user import EmailPolicy


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules that the settings choose."""

    refresh: RefreshPolicy
    api_tokens: ApiTokenRules
    passwords: PasswordRules
    birthdays: BirthdayRules
    max_live_tasks: int
    """Unfinished tasks of one account."""
    keys: KeyPolicy
    flow: FlowRules
    mfa_requirement: MfaRequirement = MfaRequirement.OFF
    mail_configured: bool = True
    challenge_keys: tuple[bytes, ...] = field(default=(), repr=False)
    """Sign the challenges of passkeys, the first one new ones."""
    proof_window: timedelta = DEFAULT_WINDOW
    """How long a proof of identity is recent."""
    email: EmailPolicy = field(default_factory=EmailPolicy)
    deletion_grace: timedelta = timedelta()
