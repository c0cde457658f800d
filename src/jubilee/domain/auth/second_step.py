"""The second step of a sign-in: its token, and a second factor, open the session."""

from dataclasses import dataclass

from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.auth.admission import SignInMethod, SignInRefusal
from jubilee.domain.auth.opening import OpeningTransaction, SessionOpener, Tokens, require_tokens
from jubilee.domain.auth.pending import PendingSignIn, mfa_token_hash
from jubilee.domain.auth.records import SignInFailure
from jubilee.domain.auth.sessions import ClientInfo
from jubilee.domain.clock import Clock
from jubilee.domain.errors import Invalid
from jubilee.domain.factors.factor import FactorKind, TypedFactor, WrongCode
from jubilee.domain.factors.verifier import FactorVerifier
from jubilee.domain.identity import UserId
from jubilee.domain.transaction import Begin
from jubilee.domain.users.user import User, UserNotFound


class InvalidMfaToken(Invalid):
    """The `mfa_token` is wrong, expired, used, or had too many wrong codes: sign in again."""

    code = "invalid_mfa_token"


@dataclass(frozen=True, slots=True)
class SecondStep:
    """Opens sessions by a second factor, after a first one that was not enough."""

    write: Begin[OpeningTransaction]
    verifier: FactorVerifier
    opener: SessionOpener
    clock: Clock

    async def complete(self, token: str, typed: TypedFactor, client: ClientInfo) -> Tokens:
        """Open the session of a challenged sign-in.

        Raises InvalidMfaToken, WrongCode, EmailNotVerified or TooManyAttempts.
        """
        async with self.write() as tx:
            pending = await tx.pending_sign_ins.count_try(mfa_token_hash(token), now=self.clock())
        if pending is None:
            raise InvalidMfaToken
        try:
            async with self.verifier.attempt_of(pending.user_id):
                opened = await self._open(pending, typed, client)
        except WrongCode:
            await self._record_failure(pending.user_id)
            raise
        return require_tokens(opened, invalid=InvalidMfaToken)

    async def _open(
        self, pending: PendingSignIn, typed: TypedFactor, client: ClientInfo
    ) -> Tokens | SignInRefusal:
        async with self.write() as tx:
            user = await _challenged(tx, pending)
            await self.verifier.require(tx, user.id, typed)
            if typed.kind is FactorKind.RECOVERY_CODE:
                event = AuditEvent.RECOVERY_CODE_USED
                await tx.audit.record(event, actor=user.id, subject=user.id)
            return await self.opener.open(tx, user, client, SignInMethod.SECOND_FACTOR)

    async def _record_failure(self, user_id: UserId) -> None:
        event, reason = AuditEvent.SIGN_IN_FAILED, SignInFailure.WRONG_CODE
        async with self.write() as tx:
            await tx.audit.record(event, actor=None, subject=user_id, reason=reason.value)


async def _challenged(tx: OpeningTransaction, pending: PendingSignIn) -> User:
    """Return the account, locked, and end the pending sign-in; raise InvalidMfaToken."""
    try:
        user = await tx.users.get(pending.user_id, lock=True)
    except UserNotFound:
        raise InvalidMfaToken from None
    if not pending.is_current(user) or not await tx.pending_sign_ins.take(pending.token_hash):
        raise InvalidMfaToken
    return user
