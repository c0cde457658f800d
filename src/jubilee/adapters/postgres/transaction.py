"""A transaction with all repositories as attributes; implements the ports of all features."""

from contextlib import nullcontext
from functools import partial
from types import TracebackType

from jubilee.adapters.postgres.answers import PostgresAnswers
from jubilee.adapters.postgres.api_tokens import PostgresApiTokens
from jubilee.adapters.postgres.audit import PostgresAuditLog
from jubilee.adapters.postgres.birthdays import PostgresBirthdays
from jubilee.adapters.postgres.deletions import PostgresDeletions
from jubilee.adapters.postgres.events import PostgresEvents
from jubilee.adapters.postgres.exports import PostgresExports
from jubilee.adapters.postgres.factors import (
    PostgresFactors,
    PostgresRecoveryCodes,
    PostgresSealedFactors,
)
from jubilee.adapters.postgres.greetings import PostgresGreetings
from jubilee.adapters.postgres.identities import PostgresIdentities, PostgresSpentTickets
from jubilee.adapters.postgres.invites import PostgresInvites
from jubilee.adapters.postgres.items import PostgresItems
from jubilee.adapters.postgres.jobs.pending_dispatches import PendingDispatches
from jubilee.adapters.postgres.jobs.queue import PostgresJobs
from jubilee.adapters.postgres.jobs.task_queue import PostgresTaskQueue
from jubilee.adapters.postgres.jobs.tasks import PostgresTasks
from jubilee.adapters.postgres.one_time import PostgresOneTimeLinks
from jubilee.adapters.postgres.own_mails import PostgresOwnMails
from jubilee.adapters.postgres.passkeys import PostgresPasskeys, PostgresSpentChallenges
from jubilee.adapters.postgres.pending_sign_ins import PostgresPendingSignIns
from jubilee.adapters.postgres.personal_data import PostgresPersonalData
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.roles import PostgresRoles
from jubilee.adapters.postgres.service_accounts import PostgresServiceAccounts
from jubilee.adapters.postgres.sessions import PostgresSessions
from jubilee.adapters.postgres.signing_keys import PostgresSigningKeys
from jubilee.adapters.postgres.statement import Executor
from jubilee.adapters.postgres.transaction_executor import TransactionExecutor
from jubilee.adapters.postgres.users import PostgresUsers
from jubilee.adapters.postgres.view_executor import ViewExecutor
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.transaction import Begin


class PostgresTransaction:
    """The repositories that share a connection."""

    __slots__ = ("_pending", "context", "executor")

    def __init__(
        self, executor: Executor, context: WriteContext, pending: PendingDispatches | None = None
    ) -> None:
        """`pending` collects the new jobs, which are dispatched after the commit."""
        self.executor = executor
        self.context = context
        self._pending = pending

    @property
    def pending(self) -> PendingDispatches:
        """The new jobs; a view dispatches none."""
        if self._pending is None:
            self._pending = PendingDispatches()
        return self._pending

    @property
    def users(self) -> PostgresUsers:
        """The accounts."""
        return PostgresUsers(self.executor, self.context.new_id)

    @property
    def sessions(self) -> PostgresSessions:
        """The sessions."""
        return PostgresSessions(self.executor)

    @property
    def identities(self) -> PostgresIdentities:
        """The identities at other providers."""
        return PostgresIdentities(self.executor)

    @property
    def spent_tickets(self) -> PostgresSpentTickets:
        """The tickets of sign-ins that have been used."""
        return PostgresSpentTickets(self.executor)

    @property
    def signing_keys(self) -> PostgresSigningKeys:
        """The keys that sign access tokens."""
        return PostgresSigningKeys(self.executor)

    @property
    def api_tokens(self) -> PostgresApiTokens:
        """The tokens of programs."""
        return PostgresApiTokens(self.executor)

    @property
    def service_accounts(self) -> PostgresServiceAccounts:
        """The service accounts."""
        return PostgresServiceAccounts(self.executor)

    @property
    def factors(self) -> PostgresFactors:
        """The second factors."""
        return PostgresFactors(self.executor)

    @property
    def sealed_factors(self) -> PostgresSealedFactors:
        """The authenticator apps of all accounts."""
        return PostgresSealedFactors(self.executor)

    @property
    def recovery_codes(self) -> PostgresRecoveryCodes:
        """The recovery codes."""
        return PostgresRecoveryCodes(self.executor)

    @property
    def passkeys(self) -> PostgresPasskeys:
        """The passkeys."""
        return PostgresPasskeys(self.executor)

    @property
    def spent_challenges(self) -> PostgresSpentChallenges:
        """The challenges of passkeys that have been answered."""
        return PostgresSpentChallenges(self.executor)

    @property
    def pending_sign_ins(self) -> PostgresPendingSignIns:
        """The sign-ins whose second factor is missing."""
        return PostgresPendingSignIns(self.executor)

    @property
    def birthdays(self) -> PostgresBirthdays:
        """The birthdays."""
        return PostgresBirthdays(self.executor)

    @property
    def greetings(self) -> PostgresGreetings:
        """The birthday greetings."""
        return PostgresGreetings(self.executor)

    @property
    def planning(self) -> PostgresGreetings:
        """The progress of planning greetings."""
        return self.greetings

    @property
    def deletions(self) -> PostgresDeletions:
        """The deletions of accounts that wait."""
        return PostgresDeletions(self.executor)

    @property
    def exports(self) -> PostgresExports:
        """The exports of accounts."""
        return PostgresExports(self.executor)

    @property
    def personal_data(self) -> PostgresPersonalData:
        """The rows of persons, for exports."""
        return PostgresPersonalData(self.executor)

    @property
    def answers(self) -> PostgresAnswers:
        """The stored answers of requests with an idempotency key."""
        return PostgresAnswers(self.executor)

    @property
    def items(self) -> PostgresItems:
        """The items."""
        return PostgresItems(self.executor)

    @property
    def events(self) -> PostgresEvents:
        """The outbox of events."""
        context = self.context
        return PostgresEvents(
            self.executor, context.clock, context.new_id, context.provenance, context.subscribers
        )

    @property
    def audit(self) -> PostgresAuditLog:
        """The audit log."""
        context = self.context
        return PostgresAuditLog(self.executor, context.clock, context.new_id, context.origin)

    @property
    def one_time(self) -> PostgresOneTimeLinks:
        """The one-time links and codes."""
        return PostgresOneTimeLinks(self.executor)

    @property
    def own_mails(self) -> PostgresOwnMails:
        """The mails to accounts."""
        return PostgresOwnMails(self.executor)

    @property
    def invites(self) -> PostgresInvites:
        """The pending invites."""
        return PostgresInvites(self.executor)

    @property
    def roles(self) -> PostgresRoles:
        """The roles and their grants."""
        return PostgresRoles(self.executor)

    @property
    def jobs(self) -> PostgresJobs:
        """The queue of jobs, which run after the commit."""
        return PostgresJobs(self.executor, self.context.provenance, self.pending)

    @property
    def task_queue(self) -> PostgresTaskQueue:
        """The queue of tasks, which run after the commit."""
        return PostgresTaskQueue(self.executor, self.context.provenance, self.pending)

    @property
    def tasks(self) -> PostgresTasks:
        """The tasks that accounts have requested."""
        return PostgresTasks(self.executor)


def views(pool: ConnectionPool, context: WriteContext) -> Begin[PostgresTransaction]:
    """Open views in autocommit: each statement reads the latest commit, without a BEGIN.

    Every call returns the same view, which has no connection of its own.
    """
    opened = nullcontext(PostgresTransaction(ViewExecutor(pool), context))
    return lambda: opened


def transactions(pool: ConnectionPool, context: WriteContext) -> Begin[PostgresTransaction]:
    """Open READ COMMITTED transactions; they commit on a clean exit, else roll back."""
    return partial(Transaction, pool, context)


class Transaction:
    """A transaction on a connection that is lent for it, as an asynchronous context manager.

    Unlike the driver's transaction, it sends no ROLLBACK when it is cancelled: a server that hangs
    would block the caller. The pool closes the connection instead. One small class instead of two
    nested generators, as `Lease` is.
    """

    __slots__ = ("_context", "_executor", "_lease", "_lent", "_pending")

    def __init__(self, pool: ConnectionPool, context: WriteContext) -> None:
        self._context = context
        self._lease = pool.executor()
        self._pending = PendingDispatches()

    async def __aenter__(self) -> PostgresTransaction:
        """Raises Unavailable where there is no connection in time."""
        self._lent = await self._lease.__aenter__()
        self._executor = TransactionExecutor(self._lent)
        return PostgresTransaction(self._executor, self._context, self._pending)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Commit or roll back; raises RolledBack if the server rolls back at COMMIT."""
        try:
            await self._end(error)
        except BaseException as failure:
            await self._lease.__aexit__(type(failure), failure, failure.__traceback__)
            raise
        await self._lease.__aexit__(kind, error, traceback)
        if error is None:
            self._context.dispatch_committed(self._pending)

    async def _end(self, error: BaseException | None) -> None:
        if error is None:
            await self._executor.commit()
            if self._context.committed is not None:
                await self._context.committed(self._lent)  # the other would begin a transaction
        elif isinstance(error, Exception):
            await self._executor.roll_back()
