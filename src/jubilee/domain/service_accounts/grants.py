"""The client credentials grant: a service account exchanges its secret for a short token."""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from jubilee.domain.api_tokens.service import ApiTokenService, IssuedApiToken
from jubilee.domain.api_tokens.text import hashed
from jubilee.domain.attempts.attempt import PasswordAttempt
from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.identity import UserId
from jubilee.domain.scopes import Scope
from jubilee.domain.service_accounts.account import (
    InvalidClient,
    InvalidScope,
    ServiceAccount,
    ServiceAccountTransaction,
    ServiceAccountView,
)
from jubilee.domain.transaction import Begin

NO_HASH = bytes(32)
REASON = "wrong_client_secret"


@dataclass(frozen=True, slots=True)
class ClientGrants:
    """The client credentials grant (RFC 6749, section 4.4)."""

    write: Begin[ServiceAccountTransaction]
    read: Begin[ServiceAccountView]
    guard: AttemptGuard
    tokens: ApiTokenService
    lifetime: timedelta

    async def grant(
        self, client_id: str, secret: str, scope: str | None, *, address: str | None
    ) -> IssuedApiToken:
        """Return a short token with these scopes, between spaces; without them, with all.

        Attempts are limited as sign-ins are. Raises InvalidClient, InvalidScope, TooManyAttempts.
        """
        account = await self._find(client_id)
        known = None if account is None else account.id
        attempt = PasswordAttempt.sign_in(client_id, known, address)
        async with self.guard.attempt(attempt):
            stored = NO_HASH if account is None else account.secret_hash
            is_right = hmac.compare_digest(hashed(secret), stored)
            if account is None or not is_right or not account.is_active:
                async with self.write() as tx:
                    await tx.audit.record(
                        AuditEvent.SIGN_IN_FAILED, actor=None, subject=known, reason=REASON
                    )
                raise InvalidClient
        scopes = _chosen(scope, account)
        return await self.tokens.grant(account.id, scopes, lifetime=self.lifetime)

    async def _find(self, client_id: str) -> ServiceAccount | None:
        try:
            account_id = UserId(UUID(client_id))
        except ValueError:
            return None
        async with self.read() as view:
            return await view.service_accounts.find(account_id)


def _chosen(scope: str | None, account: ServiceAccount) -> frozenset[Scope]:
    names = set((scope or "").split())
    chosen = frozenset(known for known in account.scopes if known.value in names)
    if len(chosen) < len(names):
        raise InvalidScope(pointer="/scope")
    return chosen or account.scopes
