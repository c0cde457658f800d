"""Group the ports that the services use: their transactions, views and other adapters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from jubilee.domain.account_email.requests import AddressCipher
from jubilee.domain.api_tokens.token import ApiTokenId, ApiTokenRepository
from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.audit.entry import AuditRows
from jubilee.domain.audit.service import AuditView
from jubilee.domain.auth.address_places import AddressPlaceReader
from jubilee.domain.auth.proofs import ProofTransaction
from jubilee.domain.auth.service import AuthView
from jubilee.domain.auth.sessions import AccountSessions
from jubilee.domain.auth.tokens import TokenSigner
from jubilee.domain.birthday import BirthdayTransaction, KnownBirthdayTransaction
from jubilee.domain.celebrations import TodayCache
from jubilee.domain.clock import Clock
from jubilee.domain.factors.ports import FactorTransaction, FactorView
from jubilee.domain.factors.resealing import ResealingTransaction
from jubilee.domain.factors.verifier import FactorVerifier
from jubilee.domain.greetings.opt_out import OptOutTokens
from jubilee.domain.health import Probe, ReadSchema
from jubilee.domain.idempotency.answers import AnswerCipher
from jubilee.domain.identities.exchange import IdentityTransaction
from jubilee.domain.identities.identity import IdentityRepository
from jubilee.domain.identities.provider import Providers
from jubilee.domain.identities.service import IdentityView
from jubilee.domain.identities.tickets import TicketSealer
from jubilee.domain.identity import NewId, SessionId
from jubilee.domain.invites.service import InviteTransaction, InviteView
from jubilee.domain.items import ItemRepository, ItemTransaction
from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.jobs.waiter import LiveJobReader
from jubilee.domain.last_uses import ignore_use
from jubilee.domain.leaving.archive import PersonalDataView
from jubilee.domain.leaving.export import ExportCipher, ExportTransaction, ExportView
from jubilee.domain.one_time.link import OneTimeView
from jubilee.domain.one_time.secrets import LinkSecrets
from jubilee.domain.own_mails import OwnMailView
from jubilee.domain.owned_rows import OwnedItemStore, OwnedTaskStore
from jubilee.domain.passkeys.passkey import (
    PasskeyRepository,
    PasskeyTransaction,
    PasskeyView,
    WebAuthnVerifier,
)
from jubilee.domain.passwords import PasswordHasher
from jubilee.domain.service_accounts.account import ServiceAccountTransaction, ServiceAccountView
from jubilee.domain.signing_keys.changes import SigningKeyTransaction, SigningKeyView
from jubilee.domain.signing_keys.key import KeyRing, KeyVault
from jubilee.domain.tasks.task import SharedTaskTransaction, TaskRepository, TaskView
from jubilee.domain.transaction import Begin
from jubilee.domain.users.pending_deletion import DeletionTransaction


class AccountTasks(TaskRepository, OwnedTaskStore, Protocol):
    """The tasks, as task use cases and the merge of accounts use them."""


class AccountItems(ItemRepository, OwnedItemStore, Protocol):
    """The items, as item use cases and the deletion of accounts use them."""


class KeyedTokenSigner(TokenSigner, KeyRing, Protocol):
    """The signer of access tokens, with the keys that it uses."""


class ServiceTransaction(
    IdentityTransaction,
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
    ResealingTransaction,
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
    def identities(self) -> IdentityRepository:
        """Identities of accounts at other providers."""

    @property
    def passkeys(self) -> PasskeyRepository:
        """Passkeys of accounts."""

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
    ResealingTransaction,
    Protocol,
):
    """A view with every repository that a service reads from."""

    @property
    def audit(self) -> AuditRows:
        """The audit log."""


class SingleWrite(KnownBirthdayTransaction, SharedTaskTransaction, Protocol):
    """What units of a single statement write."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Implementations of the ports that services use: real adapters, or fakes in tests."""

    write: Begin[ServiceTransaction]
    write_one: Begin[SingleWrite]
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
    places: AddressPlaceReader | None = None
    """None without a database."""
    note_token_use: Callable[[ApiTokenId], None] = ignore_use
    """Called at each request with an API token."""
    note_session_use: Callable[[SessionId], None] = ignore_use
    """Called at each request of a session."""
