"""Use cases of API tokens: create, list and delete."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Unpack

from jubilee.domain.account_mail import MailTemplate, account_mail
from jubilee.domain.api_tokens.text import hashed, is_secret_text, secret_text
from jubilee.domain.api_tokens.token import (
    MAX_NAME_CHARS,
    PREFIX,
    AccountDisabled,
    ApiToken,
    ApiTokenId,
    ApiTokenNotFound,
    ApiTokenTransaction,
    ApiTokenView,
    InvalidTokenExpiry,
    InvalidTokenName,
    InvalidTokenScope,
    TooManyApiTokens,
    scope_text,
)
from jubilee.domain.audit.entry import AuditDetails, AuditEvent
from jubilee.domain.clock import Clock
from jubilee.domain.idempotency.commit import answered
from jubilee.domain.identity import NewId, Principal, UserId
from jubilee.domain.last_uses import ignore_use
from jubilee.domain.paging import Page, Position
from jubilee.domain.scopes import CREDENTIALS, TOKEN_SCOPES, Scope
from jubilee.domain.text import composed, line_fault
from jubilee.domain.transaction import Begin
from jubilee.domain.users.user import User

GRANT = "client_credentials"
"""Name of granted tokens, and reason of their entries in the audit log."""


@dataclass(frozen=True, slots=True)
class ApiTokenRules:
    """Lifetimes and number of tokens, and the source of their random bytes."""

    default_lifetime: timedelta
    max_lifetime: timedelta
    max_per_account: int
    make_secret: Callable[[], bytes]
    """Returns SECRET_BYTES random bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiToken:
    """A token to create; without `expires_at` it has the default lifetime."""

    name: str
    scopes: frozenset[Scope]
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IssuedApiToken:
    """A new token and its text, which is not stored."""

    token: ApiToken
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiTokenService:
    """Use cases of API tokens."""

    write: Begin[ApiTokenTransaction]
    read: Begin[ApiTokenView]
    rules: ApiTokenRules
    clock: Clock
    new_id: NewId
    note_use: Callable[[ApiTokenId], None] = ignore_use
    """Called where the stored last use of a token is out of date; must be quick and not fail."""

    async def authenticate(self, text: str) -> Principal | None:
        """Return the principal of a token, or None; a mistyped one costs no query."""
        if not is_secret_text(PREFIX, text):
            return None
        async with self.read() as view:
            use = await view.api_tokens.check(hashed(text))
        if use is None:
            return None
        if use.is_stale:
            self.note_use(use.token_id)
        return use.principal

    async def create(self, new: NewApiToken, *, owner: UserId, by: Principal) -> IssuedApiToken:
        """Create a token of the account, and tell its owner by mail.

        Raises TooManyApiTokens, or SessionRequired for a token.
        """
        by.require(CREDENTIALS)
        text = secret_text(PREFIX, self.rules.make_secret())
        token = self._token(new, owner, text)
        async with answered(self.write) as tx:
            account = await tx.users.get(owner, lock=True)
            _check_account(account, token)
            await tx.api_tokens.drop_expired(owner, now=token.created_at)
            if await tx.api_tokens.count(owner) >= self.rules.max_per_account:
                raise TooManyApiTokens
            await tx.api_tokens.add(token)
            await _record_new(tx, token, by=by.user_id)
            await self._tell(tx, account, MailTemplate.API_TOKEN_CREATED)
        return IssuedApiToken(token, text)

    async def grant(
        self, owner: UserId, scopes: frozenset[Scope], *, lifetime: timedelta
    ) -> IssuedApiToken:
        """Create a short token of an account whose client has proved its secret."""
        text, now = secret_text(PREFIX, self.rules.make_secret()), self.clock()
        token = ApiToken(
            id=ApiTokenId(self.new_id()),
            user_id=owner,
            name=GRANT,
            token_hash=hashed(text),
            scopes=scopes,
            created_at=now,
            expires_at=now + lifetime,
            is_granted=True,
        )
        async with self.write() as tx:
            _check_account(await tx.users.get(owner, lock=True), token)
            await tx.api_tokens.drop_expired(owner, now=now)
            await tx.api_tokens.prune_granted(owner)
            await tx.api_tokens.add(token)
            await _record_new(tx, token, by=owner, reason=GRANT)
        return IssuedApiToken(token, text)

    async def list(
        self, *, owner: UserId, by: Principal, after: Position | None, limit: int
    ) -> Page[ApiToken]:
        """List the tokens of the account, newest first."""
        by.require(CREDENTIALS)
        async with self.read() as view:
            return await view.api_tokens.page(owner, after=after, limit=limit)

    async def delete(self, token_id: ApiTokenId, *, owner: UserId, by: Principal) -> None:
        """Delete a token of the account, and tell its owner by mail; it stops working at once.

        Raises ApiTokenNotFound.
        """
        by.require(CREDENTIALS)
        async with self.write() as tx:
            if not await tx.api_tokens.delete(token_id, user_id=owner):
                raise ApiTokenNotFound
            event, deleted = AuditEvent.API_TOKEN_DELETED, str(token_id)
            await tx.audit.record(event, actor=by.user_id, subject=owner, token_id=deleted)
            account = await tx.users.get(owner)
            await self._tell(tx, account, MailTemplate.API_TOKEN_DELETED)

    async def _tell(self, tx: ApiTokenTransaction, account: User, template: MailTemplate) -> None:
        """Enqueue a mail to the account; machines have no address."""
        if not account.is_service:
            await tx.jobs.add(account_mail(self.new_id(), account.id, template))

    def _token(self, new: NewApiToken, owner: UserId, text: str) -> ApiToken:
        if not new.scopes or not new.scopes <= TOKEN_SCOPES:
            raise InvalidTokenScope(pointer="/scopes")
        now = self.clock()
        return ApiToken(
            id=ApiTokenId(self.new_id()),
            user_id=owner,
            name=_checked_name(new.name),
            token_hash=hashed(text),
            scopes=new.scopes,
            created_at=now,
            expires_at=self._expiry(new.expires_at, now),
        )

    def _expiry(self, chosen: datetime | None, now: datetime) -> datetime:
        if chosen is None:
            return now + self.rules.default_lifetime
        if not now < chosen <= now + self.rules.max_lifetime:
            days = self.rules.max_lifetime.days
            raise InvalidTokenExpiry(
                f"A token must expire in the future, within {days} days.", pointer="/expires_at"
            )
        return chosen


async def _record_new(
    tx: ApiTokenTransaction, token: ApiToken, *, by: UserId, **more: Unpack[AuditDetails]
) -> None:
    more["token_id"], more["scopes"] = str(token.id), scope_text(token.scopes)
    event = AuditEvent.API_TOKEN_CREATED
    await tx.audit.record(event, actor=by, subject=token.user_id, **more)


def _check_account(account: User, token: ApiToken) -> None:
    if not account.may_sign_in(token.created_at):
        raise AccountDisabled
    if Scope.ADMIN in token.scopes and not account.is_superuser:
        raise InvalidTokenScope(pointer="/scopes")


def _checked_name(text: str) -> str:
    name = composed(text)
    if not name.strip() or len(name) > MAX_NAME_CHARS:
        raise InvalidTokenName(pointer="/name")
    if fault := line_fault(name):
        raise InvalidTokenName(fault, pointer="/name")
    return name
