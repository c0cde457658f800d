"""Build the services from ports and policy; nothing else constructs them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Protocol

from jubilee.domain.account_email.changes import EmailChangeService
from jubilee.domain.account_email.registration import HiddenRegistrationService
from jubilee.domain.account_email.requests import AddressCipher, LinkRequestService
from jubilee.domain.account_email.resets import PasswordResetService
from jubilee.domain.account_email.verification import VerificationService
from jubilee.domain.account_locks import AccountLockService
from jubilee.domain.account_merges import AccountMergeService
from jubilee.domain.api_tokens.last_uses import ignore_use
from jubilee.domain.api_tokens.service import ApiTokenRules, ApiTokenService
from jubilee.domain.api_tokens.token import (
    ApiTokenId,
    ApiTokenRepository,
)
from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.audit.entry import AuditRows
from jubilee.domain.audit.service import AuditService, AuditView
from jubilee.domain.auth.opening import RefreshPolicy, SessionOpener
from jubilee.domain.auth.proofs import DEFAULT_WINDOW, ProofService, ProofTransaction
from jubilee.domain.auth.second_step import SecondStep
from jubilee.domain.auth.service import AuthService, AuthTransaction, AuthView
from jubilee.domain.auth.session_service import SessionService
from jubilee.domain.auth.sessions import AccountSessions
from jubilee.domain.auth.sightings import ignore_sighting
from jubilee.domain.auth.tokens import TokenSigner
from jubilee.domain.birthday_rules import BirthdayRules
from jubilee.domain.birthdays import BirthdayService, BirthdayTransaction
from jubilee.domain.calendar import Calendar
from jubilee.domain.celebrations import TodayCache
from jubilee.domain.clock import Clock
from jubilee.domain.factors.factor import MfaRequirement
from jubilee.domain.factors.ports import FactorTransaction, FactorView
from jubilee.domain.factors.service import FactorService
from jubilee.domain.factors.verifier import FactorVerifier
from jubilee.domain.greetings.opt_out import OptOutService, OptOutTokens
from jubilee.domain.health import HealthService, Probe, ReadSchema
from jubilee.domain.idempotency.answers import AnswerCipher
from jubilee.domain.idempotency.service import IdempotencyService
from jubilee.domain.identities.exchange import IdentityExchange, IdentityTransaction
from jubilee.domain.identities.flow import FlowRules, SignInFlow
from jubilee.domain.identities.provider import Providers
from jubilee.domain.identities.service import IdentityService, IdentityView
from jubilee.domain.identities.tickets import TicketSealer
from jubilee.domain.identity import NewId, SessionId
from jubilee.domain.impersonation import ImpersonationService
from jubilee.domain.invites.invite import InviteTokens
from jubilee.domain.invites.service import InviteService, InviteTransaction, InviteView
from jubilee.domain.items import ItemRepository, ItemService, ItemTransaction
from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.jobs.waiter import JobWaiter, LiveJobReader
from jubilee.domain.leaving.archive import Archiver, PersonalDataView
from jubilee.domain.leaving.deletion import DeletionService, DeletionTransaction
from jubilee.domain.leaving.export import (
    ExportCipher,
    ExportService,
    ExportTransaction,
    ExportView,
)
from jubilee.domain.one_time.issuing import LinkIssuer
from jubilee.domain.one_time.link import OneTimeView
from jubilee.domain.one_time.proving import LinkProver
from jubilee.domain.one_time.secrets import LinkSecrets
from jubilee.domain.own_mails import OwnMailService, OwnMailView
from jubilee.domain.owned_rows import OwnedItemStore, OwnedTaskStore
from jubilee.domain.passkeys.challenges import ChallengeSigner
from jubilee.domain.passkeys.passkey import PasskeyTransaction, PasskeyView, WebAuthnVerifier
from jubilee.domain.passkeys.service import PasskeyService
from jubilee.domain.passkeys.sign_in import PasskeySignIn
from jubilee.domain.passwords import PasswordHasher, PasswordRules
from jubilee.domain.roles.service import RoleService
from jubilee.domain.service_accounts.account import (
    ServiceAccountTransaction,
    ServiceAccountView,
)
from jubilee.domain.service_accounts.grants import ClientGrants
from jubilee.domain.service_accounts.service import ServiceAccountService
from jubilee.domain.services import Services
from jubilee.domain.signing_keys.changes import KeyPolicy, SigningKeyTransaction, SigningKeyView
from jubilee.domain.signing_keys.key import KeyRing, KeyVault
from jubilee.domain.signing_keys.loading import KeyLoader
from jubilee.domain.signing_keys.service import SigningKeyService
from jubilee.domain.tasks.service import TaskService
from jubilee.domain.tasks.task import TaskRepository, TaskView
from jubilee.domain.transaction import Begin
from jubilee.domain.users.password_proof import PasswordProof
from jubilee.domain.users.registration import RegistrationMail
from jubilee.domain.users.service import UserService
from jubilee.domain.users.user import EmailPolicy


class AccountTasks(TaskRepository, OwnedTaskStore, Protocol):
    """The tasks, as task use cases and the merge of accounts use them."""


class AccountItems(ItemRepository, OwnedItemStore, Protocol):
    """The items, as item use cases and the deletion of accounts use them."""


class KeyedTokenSigner(TokenSigner, KeyRing, Protocol):
    """The signer of access tokens, with the keys that it uses."""


class ServiceTransaction(
    IdentityTransaction,
    AuthTransaction,
    ProofTransaction,
    ServiceAccountTransaction,
    DeletionTransaction,
    InviteTransaction,
    FactorTransaction,
    PasskeyTransaction,
    ItemTransaction,
    BirthdayTransaction,
    ExportTransaction,
    SigningKeyTransaction,
    Protocol,
):
    """A transaction with every repository that a service uses."""

    @property
    def audit(self) -> AuditRows:
        """The audit log."""

    @property
    def sessions(self) -> AccountSessions:
        """Sessions of accounts."""

    @property
    def api_tokens(self) -> ApiTokenRepository:
        """Tokens of accounts."""

    @property
    def items(self) -> AccountItems:
        """Items of accounts."""

    @property
    def tasks(self) -> AccountTasks:
        """Tasks of accounts."""


class ServiceView(
    AuthView,
    ServiceAccountView,
    InviteView,
    FactorView,
    PasskeyView,
    ItemTransaction,
    BirthdayTransaction,
    TaskView,
    AuditView,
    SigningKeyView,
    OneTimeView,
    OwnMailView,
    ExportView,
    PersonalDataView,
    IdentityView,
    Protocol,
):
    """A view with every repository that a service reads from."""

    @property
    def audit(self) -> AuditRows:
        """The audit log."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Implementations of the ports that services use: real adapters, or fakes in tests."""

    write: Begin[ServiceTransaction]
    write_one: Begin[ServiceTransaction]
    """Units of a single statement, which commits by itself."""
    read: Begin[ServiceView]
    read_list: Begin[ServiceView]
    """Views for lists, which may lag."""
    hasher: PasswordHasher
    guard: AttemptGuard
    signer: KeyedTokenSigner
    key_vault: KeyVault
    factors: FactorVerifier
    passkeys: WebAuthnVerifier
    cipher: AnswerCipher
    address_cipher: AddressCipher
    link_secrets: LinkSecrets
    opt_out: OptOutTokens
    export_cipher: ExportCipher
    ticket_sealer: TicketSealer
    providers: Providers
    make_secret: Callable[[], str]
    today_cache: TodayCache
    live_jobs: LiveJobReader
    job_kinds: JobKinds
    read_schema: ReadSchema
    ping_redis: Probe
    clock: Clock
    new_id: NewId
    note_token_use: Callable[[ApiTokenId], None] = ignore_use
    note_session: Callable[[SessionId], None] = ignore_sighting
    """Called at each request of a session."""


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
    invites: InviteTokens
    mfa_requirement: MfaRequirement = MfaRequirement.OFF
    mail_configured: bool = True
    challenge_keys: tuple[bytes, ...] = field(default=(), repr=False)
    """Sign the challenges of passkeys, the first one new ones."""
    proof_window: timedelta = DEFAULT_WINDOW
    """How long a proof of identity is recent."""
    email: EmailPolicy = field(default_factory=EmailPolicy)
    deletion_grace: timedelta = timedelta()


def build_services(ports: Ports, policy: Policy) -> Services:
    """Build every service."""
    signing_keys = _signing_keys(ports, policy)
    users = _users(ports, policy)
    opener = SessionOpener(ports.signer, policy.refresh, ports.clock, ports.new_id)
    second_step = _second_step(ports, policy, opener)
    auth = _auth(ports, policy, KeyLoader(signing_keys.load, monotonic), opener, second_step)
    api_tokens = _api_tokens(ports, policy)
    return Services(
        auth=auth,
        signing_keys=signing_keys,
        sign_in_flow=_sign_in_flow(ports, policy),
        identity_exchange=_identity_exchange(ports, auth, users),
        identities=IdentityService(ports.providers, ports.write, ports.read, ports.clock),
        second_step=second_step,
        proofs=_proofs(ports, policy),
        api_tokens=api_tokens,
        service_accounts=_service_accounts(ports, users, api_tokens),
        client_grants=_client_grants(ports, api_tokens),
        sessions=SessionService(write=ports.write, read=ports.read),
        factors=_factors(ports, policy),
        passkeys=_passkeys(ports, policy),
        passkey_sign_in=_passkey_sign_in(ports, policy, opener),
        users=users,
        hidden_registrations=_hidden_registrations(ports, policy),
        link_requests=_link_requests(ports),
        verification=VerificationService(ports.write, _prover(ports), ports.clock, ports.new_id),
        password_resets=_password_resets(ports, policy),
        email_changes=_email_changes(ports),
        opt_out=OptOutService(ports.write, ports.opt_out, ports.clock),
        own_mails=OwnMailService(ports.read_list),
        deletions=DeletionService(
            write=ports.write,
            users=users,
            guard=ports.guard,
            clock=ports.clock,
            new_id=ports.new_id,
            grace=policy.deletion_grace,
        ),
        exports=_exports(ports, policy),
        items=ItemService(
            write=ports.write,
            read=ports.read,
            read_list=ports.read_list,
            clock=ports.clock,
            new_id=ports.new_id,
        ),
        birthdays=BirthdayService(
            write=ports.write,
            write_one=ports.write_one,
            read=ports.read,
            read_list=ports.read_list,
            cache=ports.today_cache,
            rules=policy.birthdays,
            clock=ports.clock,
            new_id=ports.new_id,
        ),
        tasks=_tasks(ports, policy),
        audit=AuditService(write=ports.write, read_list=ports.read_list),
        health=HealthService(
            schema=ports.read_schema, redis=ports.ping_redis, mail=policy.mail_configured
        ),
        idempotency=IdempotencyService(write=ports.write, read=ports.read, cipher=ports.cipher),
        roles=RoleService(write=ports.write, read=ports.read, clock=ports.clock),
        account_locks=AccountLockService(write=ports.write, guard=ports.guard, clock=ports.clock),
        account_merges=AccountMergeService(
            write=ports.write, clock=ports.clock, birthdays_changed=ports.today_cache.forget
        ),
        invites=InviteService(
            write=ports.write,
            read=ports.read,
            users=users,
            tokens=policy.invites,
            clock=ports.clock,
            new_id=ports.new_id,
        ),
        impersonation=ImpersonationService(
            write=ports.write, signer=ports.signer, clock=ports.clock
        ),
    )


def _sign_in_flow(ports: Ports, policy: Policy) -> SignInFlow:
    return SignInFlow(
        providers=ports.providers,
        rules=policy.flow,
        write=ports.write,
        sealer=ports.ticket_sealer,
        make_secret=ports.make_secret,
        clock=ports.clock,
    )


def _identity_exchange(ports: Ports, auth: AuthService, users: UserService) -> IdentityExchange:
    return IdentityExchange(
        providers=ports.providers,
        write=ports.write,
        read=ports.read,
        sealer=ports.ticket_sealer,
        auth=auth,
        users=users,
        clock=ports.clock,
        new_id=ports.new_id,
    )


def _signing_keys(ports: Ports, policy: Policy) -> SigningKeyService:
    return SigningKeyService(
        write=ports.write,
        read=ports.read,
        vault=ports.key_vault,
        ring=ports.signer,
        policy=policy.keys,
        clock=ports.clock,
    )


def _auth(
    ports: Ports, policy: Policy, keys: KeyLoader, opener: SessionOpener, step: SecondStep
) -> AuthService:
    return AuthService(
        write=ports.write,
        read=ports.read,
        hasher=ports.hasher,
        guard=ports.guard,
        signer=ports.signer,
        look_up_keys=keys.look_up,
        opener=opener,
        second_step=step,
        clock=ports.clock,
        email=policy.email,
        note_session=ports.note_session,
    )


def _second_step(ports: Ports, policy: Policy, opener: SessionOpener) -> SecondStep:
    return SecondStep(
        write=ports.write,
        verifier=ports.factors,
        opener=opener,
        requirement=policy.mfa_requirement,
        make_secret=policy.refresh.make_secret,
        clock=ports.clock,
    )


def _factors(ports: Ports, policy: Policy) -> FactorService:
    return FactorService(
        write=ports.write,
        read=ports.read,
        verifier=ports.factors,
        requirement=policy.mfa_requirement,
        make_secret=policy.refresh.make_secret,
        clock=ports.clock,
        new_id=ports.new_id,
    )


def _challenges(policy: Policy) -> ChallengeSigner:
    return ChallengeSigner(policy.challenge_keys, policy.refresh.make_secret)


def _passkeys(ports: Ports, policy: Policy) -> PasskeyService:
    return PasskeyService(
        write=ports.write,
        read=ports.read,
        verifier=ports.passkeys,
        challenges=_challenges(policy),
        requirement=policy.mfa_requirement,
        clock=ports.clock,
        new_id=ports.new_id,
    )


def _passkey_sign_in(ports: Ports, policy: Policy, opener: SessionOpener) -> PasskeySignIn:
    return PasskeySignIn(
        write=ports.write,
        read=ports.read,
        verifier=ports.passkeys,
        challenges=_challenges(policy),
        opener=opener,
        clock=ports.clock,
    )


def _proofs(ports: Ports, policy: Policy) -> ProofService:
    return ProofService(
        write=ports.write,
        read=ports.read,
        hasher=ports.hasher,
        guard=ports.guard,
        verifier=ports.factors,
        requirement=policy.mfa_requirement,
        clock=ports.clock,
        window=policy.proof_window,
    )


def _api_tokens(ports: Ports, policy: Policy) -> ApiTokenService:
    return ApiTokenService(
        write=ports.write,
        read=ports.read,
        rules=policy.api_tokens,
        clock=ports.clock,
        new_id=ports.new_id,
        note_use=ports.note_token_use,
    )


def _service_accounts(
    ports: Ports, users: UserService, tokens: ApiTokenService
) -> ServiceAccountService:
    return ServiceAccountService(
        write=ports.write,
        read=ports.read,
        users=users,
        tokens=tokens,
        clock=ports.clock,
        new_id=ports.new_id,
    )


def _client_grants(ports: Ports, tokens: ApiTokenService) -> ClientGrants:
    return ClientGrants(
        write=ports.write,
        read=ports.read,
        guard=ports.guard,
        tokens=tokens,
        lifetime=timedelta(seconds=ports.signer.lifetime),
    )


def _users(ports: Ports, policy: Policy) -> UserService:
    return UserService(
        write=ports.write,
        read=ports.read,
        read_list=ports.read_list,
        hasher=ports.hasher,
        guard=ports.guard,
        rules=policy.passwords,
        clock=ports.clock,
        new_id=ports.new_id,
        calendar=Calendar(ports.clock, policy.birthdays.time_zone),
        mail=RegistrationMail(_issuer(ports), policy.email, ports.new_id),
        birthdays_changed=ports.today_cache.forget,
    )


def _issuer(ports: Ports) -> LinkIssuer:
    return LinkIssuer(ports.link_secrets, ports.clock, ports.new_id)


def _prover(ports: Ports) -> LinkProver:
    return LinkProver(ports.write, ports.read, ports.guard, ports.link_secrets, ports.clock)


def _link_requests(ports: Ports) -> LinkRequestService:
    return LinkRequestService(ports.write, ports.address_cipher, ports.new_id)


def _hidden_registrations(ports: Ports, policy: Policy) -> HiddenRegistrationService | None:
    if not policy.email.hides_accounts:
        return None
    return HiddenRegistrationService(
        write=ports.write,
        read=ports.read,
        hasher=ports.hasher,
        rules=policy.passwords,
        calendar=Calendar(ports.clock, policy.birthdays.time_zone),
        cipher=ports.address_cipher,
        new_id=ports.new_id,
    )


def _password_resets(ports: Ports, policy: Policy) -> PasswordResetService:
    return PasswordResetService(
        write=ports.write,
        read=ports.read,
        prover=_prover(ports),
        hasher=ports.hasher,
        rules=policy.passwords,
        clock=ports.clock,
        new_id=ports.new_id,
    )


def _email_changes(ports: Ports) -> EmailChangeService:
    return EmailChangeService(
        write=ports.write,
        issuer=_issuer(ports),
        prover=_prover(ports),
        requests=_link_requests(ports),
        read=ports.read,
        proof=PasswordProof(ports.write, ports.hasher, ports.guard),
        clock=ports.clock,
        new_id=ports.new_id,
    )


def _exports(ports: Ports, policy: Policy) -> ExportService:
    return ExportService(
        write=ports.write,
        read=ports.read,
        cipher=ports.export_cipher,
        archiver=Archiver(ports.read, ports.job_kinds, ports.clock),
        prover=_prover(ports),
        clock=ports.clock,
        new_id=ports.new_id,
        max_live_per_owner=policy.max_live_tasks,
    )


def _tasks(ports: Ports, policy: Policy) -> TaskService:
    return TaskService(
        write=ports.write,
        read=ports.read,
        read_list=ports.read_list,
        kinds=ports.job_kinds,
        waiter=JobWaiter(ports.live_jobs),
        clock=ports.clock,
        new_id=ports.new_id,
        max_live_per_owner=policy.max_live_tasks,
    )
