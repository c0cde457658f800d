"""The use cases, as entrypoints get them."""

from dataclasses import dataclass

from jubilee.domain.account_email.changes import EmailChangeService
from jubilee.domain.account_email.registration import HiddenRegistrationService
from jubilee.domain.account_email.requests import LinkRequestService
from jubilee.domain.account_email.resets import PasswordResetService
from jubilee.domain.account_email.verification import VerificationService
from jubilee.domain.account_locks import AccountLockService
from jubilee.domain.account_merges import AccountMergeService
from jubilee.domain.api_tokens.service import ApiTokenService
from jubilee.domain.audit.service import AuditService
from jubilee.domain.auth.proofs import ProofService
from jubilee.domain.auth.second_step import SecondStep
from jubilee.domain.auth.service import AuthService
from jubilee.domain.auth.session_service import SessionService
from jubilee.domain.birthdays import BirthdayService
from jubilee.domain.factors.resealing import FactorResealing
from jubilee.domain.factors.service import FactorService
from jubilee.domain.greetings.opt_out import OptOutService
from jubilee.domain.health import HealthService
from jubilee.domain.idempotency.service import IdempotencyService
from jubilee.domain.identities.exchange import IdentityExchange
from jubilee.domain.identities.flow import SignInFlow
from jubilee.domain.identities.service import IdentityService
from jubilee.domain.impersonation import ImpersonationService
from jubilee.domain.invites.service import InviteService
from jubilee.domain.items import ItemService
from jubilee.domain.leaving.deletion import DeletionService
from jubilee.domain.leaving.export import ExportService
from jubilee.domain.own_mails import OwnMailService
from jubilee.domain.passkeys.service import PasskeyService
from jubilee.domain.passkeys.sign_in import PasskeySignIn
from jubilee.domain.roles.service import RoleService
from jubilee.domain.service_accounts.grants import ClientGrants
from jubilee.domain.service_accounts.service import ServiceAccountService
from jubilee.domain.signing_keys.loading import KeyLoader
from jubilee.domain.signing_keys.service import SigningKeyService
from jubilee.domain.tasks.service import TaskService
from jubilee.domain.users.service import UserService


@dataclass(frozen=True, kw_only=True)
class SignInServices:
    """Sign-in, sessions, and proofs of identity."""

    auth: AuthService
    second_step: SecondStep
    proofs: ProofService
    sessions: SessionService
    factors: FactorService
    factor_resealing: FactorResealing
    passkeys: PasskeyService
    passkey_sign_in: PasskeySignIn
    sign_in_flow: SignInFlow
    identity_exchange: IdentityExchange
    identities: IdentityService
    signing_keys: SigningKeyService
    key_loader: KeyLoader


@dataclass(frozen=True, kw_only=True)
class AccountServices:
    """Accounts: their rights, tokens, exports and deletion."""

    users: UserService
    api_tokens: ApiTokenService
    service_accounts: ServiceAccountService
    client_grants: ClientGrants
    roles: RoleService
    account_locks: AccountLockService
    account_merges: AccountMergeService
    impersonation: ImpersonationService
    invites: InviteService
    deletions: DeletionService
    exports: ExportService


@dataclass(frozen=True, kw_only=True)
class LinkServices:
    """Links that accounts get by mail."""

    hidden_registrations: HiddenRegistrationService | None
    """None if registration reveals whether an address is taken."""
    link_requests: LinkRequestService
    verification: VerificationService
    password_resets: PasswordResetService
    email_changes: EmailChangeService
    opt_out: OptOutService


@dataclass(frozen=True, kw_only=True)
class ContentServices:
    """Items, birthdays, tasks and mails of accounts."""

    items: ItemService
    birthdays: BirthdayService
    tasks: TaskService
    own_mails: OwnMailService


@dataclass(frozen=True, kw_only=True)
class Services(SignInServices, AccountServices, LinkServices, ContentServices):
    """All services of the domain."""

    audit: AuditService
    health: HealthService
    idempotency: IdempotencyService
