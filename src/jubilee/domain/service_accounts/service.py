"""Use cases of service accounts, for admins."""

from dataclasses import dataclass, field

from jubilee.domain.api_tokens.service import ApiTokenService, IssuedApiToken, NewApiToken
from jubilee.domain.api_tokens.text import hashed, secret_text
from jubilee.domain.api_tokens.token import ApiToken, ApiTokenId, InvalidTokenScope
from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.clock import Clock
from jubilee.domain.idempotency.commit import answered
from jubilee.domain.identity import NewId, Principal, UserId
from jubilee.domain.paging import Page, Position
from jubilee.domain.scopes import CREDENTIALS, TOKEN_SCOPES, Scope
from jubilee.domain.service_accounts.account import (
    MAX_NAME_CHARS,
    SECRET_PREFIX,
    InvalidServiceAccountName,
    InvalidServiceAccountScope,
    ServiceAccount,
    ServiceAccountNotFound,
    ServiceAccountTransaction,
    ServiceAccountView,
)
from jubilee.domain.text import composed, line_fault
from jubilee.domain.transaction import Begin
from jubilee.domain.users.service import UserService
from jubilee.domain.users.user import SERVICE_DOMAIN, User

SCOPES = TOKEN_SCOPES - {Scope.ADMIN}
"""The scopes that a service account can have."""


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A service account with a new client secret, which is not stored."""

    account: ServiceAccount
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServiceAccountService:
    """Use cases of service accounts; all of them are for admins."""

    write: Begin[ServiceAccountTransaction]
    read: Begin[ServiceAccountView]
    users: UserService
    tokens: ApiTokenService
    clock: Clock
    new_id: NewId

    async def create(self, name: str, scopes: frozenset[Scope], *, by: Principal) -> ClientSecret:
        """Create a service account that the caller owns."""
        by.require(CREDENTIALS)
        if not scopes or not scopes <= SCOPES:
            raise InvalidServiceAccountScope(pointer="/scopes")
        secret = self._secret()
        account = ServiceAccount(
            id=UserId(self.new_id()),
            name=_checked_name(name),
            owner_id=by.user_id,
            scopes=scopes,
            secret_hash=hashed(secret),
            created_at=self.clock(),
        )
        async with answered(self.write) as tx:
            await tx.users.add(_user(account))
            await tx.service_accounts.add(account)
            await tx.audit.record(
                AuditEvent.SERVICE_ACCOUNT_CREATED,
                actor=by.user_id,
                subject=account.id,
                scopes=" ".join(sorted(scopes)),
            )
        return ClientSecret(account, secret)

    async def list(
        self, *, by: Principal, after: Position | None, limit: int
    ) -> Page[ServiceAccount]:
        """List all service accounts, newest first."""
        by.require(CREDENTIALS)
        async with self.read() as view:
            return await view.service_accounts.page(after=after, limit=limit)

    async def get(self, account_id: UserId, *, by: Principal) -> ServiceAccount:
        """Return a service account; raise ServiceAccountNotFound."""
        by.require(CREDENTIALS)
        async with self.read() as view:
            found = await view.service_accounts.find(account_id)
        if found is None:
            raise ServiceAccountNotFound
        return found

    async def replace_secret(self, account_id: UserId, *, by: Principal) -> ClientSecret:
        """Give the account a new client secret and end its tokens; the old secret is void."""
        account, secret = await self.get(account_id, by=by), self._secret()
        async with self.write() as tx:
            await tx.users.get(account_id, lock=True)
            await tx.service_accounts.replace_secret(account_id, hashed(secret))
            await tx.api_tokens.delete_of(account_id)
            await tx.audit.record(
                AuditEvent.CLIENT_SECRET_REPLACED, actor=by.user_id, subject=account_id
            )
        return ClientSecret(account, secret)

    async def delete(self, account_id: UserId, *, by: Principal) -> None:
        """Delete a service account and everything that it owns."""
        await self.get(account_id, by=by)
        await self.users.delete(account_id, by=by)

    async def create_token(
        self, account_id: UserId, new: NewApiToken, *, by: Principal
    ) -> IssuedApiToken:
        """Create a token of a service account, within its scopes."""
        account = await self.get(account_id, by=by)
        if not new.scopes <= account.scopes:
            raise InvalidTokenScope(
                "The service account does not have these scopes.", pointer="/scopes"
            )
        return await self.tokens.create(new, owner=account_id, by=by)

    async def tokens_of(
        self, account_id: UserId, *, by: Principal, after: Position | None, limit: int
    ) -> Page[ApiToken]:
        """List the tokens of a service account, newest first."""
        await self.get(account_id, by=by)
        return await self.tokens.list(owner=account_id, by=by, after=after, limit=limit)

    async def delete_token(
        self, account_id: UserId, token_id: ApiTokenId, *, by: Principal
    ) -> None:
        """Delete a token of a service account."""
        await self.get(account_id, by=by)
        await self.tokens.delete(token_id, owner=account_id, by=by)

    def _secret(self) -> str:
        return secret_text(SECRET_PREFIX, self.tokens.rules.make_secret())


def _user(account: ServiceAccount) -> User:
    """Return the account that owns what the machine creates."""
    return User(
        id=account.id,
        email=f"{account.id}@{SERVICE_DOMAIN}",
        full_name=account.name,
        birthday_greeting=False,
        created_at=account.created_at,
        updated_at=account.created_at,
    )


def _checked_name(text: str) -> str:
    name = composed(text)
    if not name.strip() or len(name) > MAX_NAME_CHARS:
        raise InvalidServiceAccountName(pointer="/name")
    if fault := line_fault(name):
        raise InvalidServiceAccountName(fault, pointer="/name")
    return name
