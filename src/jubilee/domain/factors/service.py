"""Use cases of second factors: adding, confirming, removing and resetting them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from jubilee.domain.account_mail import MailTemplate, account_mail
from jubilee.domain.audit.entry import AuditDetails, AuditEvent
from jubilee.domain.clock import Clock
from jubilee.domain.errors import NotAllowed
from jubilee.domain.factors.factor import (
    MAX_TOTP_FACTORS,
    FactorConfirmed,
    FactorKind,
    FactorNeeded,
    FactorNotFound,
    MfaRequirement,
    NoFactor,
    TooManyFactors,
    TotpFactor,
    WrongCode,
)
from jubilee.domain.factors.ports import FactorTransaction, FactorView, MakeSecret
from jubilee.domain.factors.recovery_codes import code_hash, make_codes
from jubilee.domain.factors.verifier import FactorVerifier
from jubilee.domain.identity import NewId, Principal, UserId
from jubilee.domain.transaction import Begin


@dataclass(frozen=True, slots=True)
class OwnFactors:
    """The authenticator apps of an account, and how many recovery codes are left."""

    totp: Sequence[TotpFactor]
    recovery_codes: int


@dataclass(frozen=True, slots=True)
class NewTotp:
    """An authenticator app to confirm, with its secret, which is shown this once."""

    id: UUID
    secret: str = field(repr=False)
    uri: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FactorService:
    """Second factors of the caller, and their reset by an admin.

    Answers with secrets are not kept for an idempotency key: repeating a request makes new ones.
    """

    write: Begin[FactorTransaction]
    read: Begin[FactorView]
    verifier: FactorVerifier
    requirement: MfaRequirement
    make_secret: MakeSecret
    clock: Clock
    new_id: NewId

    async def list(self, *, by: Principal) -> OwnFactors:
        """List the caller's factors."""
        async with self.read() as view:
            totp = await view.factors.list_for(by.user_id)
            return OwnFactors(totp, await view.recovery_codes.count(by.user_id))

    async def add_totp(self, *, by: Principal) -> NewTotp:
        """Add an authenticator app that does not count before it is confirmed.

        It replaces one that was not confirmed. Raises TooManyFactors.
        """
        factor_id, secret = self.new_id(), self.verifier.totp.new_secret()
        sealed = self.verifier.cipher.seal(factor_id.bytes, secret.encode())
        async with self.write() as tx:
            user = await tx.users.get(by.user_id, lock=True)
            known = await tx.factors.list_for(user.id)
            if sum(factor.confirmed_at is not None for factor in known) >= MAX_TOTP_FACTORS:
                raise TooManyFactors
            now = self.clock()
            await tx.factors.add(
                TotpFactor(id=factor_id, user_id=user.id, sealed_secret=sealed, created_at=now)
            )
        return NewTotp(factor_id, secret, self.verifier.totp.uri(secret, user.email))

    async def confirm_totp(self, factor_id: UUID, code: str, *, by: Principal) -> Sequence[str]:
        """Confirm an authenticator app by its first code; return recovery codes if there are none.

        The session then has a second factor. Raises FactorNotFound, FactorConfirmed, WrongCode or
        TooManyAttempts.
        """
        now = self.clock()
        async with self.verifier.attempt_by(by), self.write() as tx:
            factor = await _own(tx, factor_id, by)
            if factor.confirmed_at is not None:
                raise FactorConfirmed
            step = self.verifier.step_of(factor, code)
            if step is None:
                raise WrongCode
            await tx.factors.save(replace(factor, confirmed_at=now, last_step=step))
            await tx.sessions.prove(by.session, at=now, second_factor=True)
            await self._record(tx, AuditEvent.FACTOR_ADDED, by, factor_id)
            has_codes = await tx.recovery_codes.count(by.user_id) > 0
            return () if has_codes else await self._new_codes(tx, by.user_id)

    async def renew_recovery_codes(self, *, by: Principal) -> Sequence[str]:
        """Replace all recovery codes of the caller; raise NoFactor."""
        async with self.write() as tx:
            await tx.users.get(by.user_id, lock=True)  # else two renewals would leave both codes
            if FactorKind.TOTP not in await tx.factors.kinds_of(by.user_id):
                raise NoFactor
            codes = await self._new_codes(tx, by.user_id)
            await self._record(tx, AuditEvent.RECOVERY_CODES_RENEWED, by)
        return codes

    async def remove(self, factor_id: UUID, *, by: Principal) -> None:
        """Remove an authenticator app; with the last one, the recovery codes.

        Raises FactorNotFound, or FactorNeeded for the last factor of an account that needs one.
        """
        async with self.write() as tx:
            user = await tx.users.get(by.user_id, lock=True)
            factor = await _own(tx, factor_id, by)
            await tx.factors.remove(factor_id)
            if factor.confirmed_at is None:
                return
            kinds = await tx.factors.kinds_of(user.id)
            is_required = self.requirement.applies_to(is_admin=user.is_superuser)
            if is_required and not {FactorKind.TOTP, FactorKind.PASSKEY} & set(kinds):
                raise FactorNeeded
            if FactorKind.TOTP not in kinds:
                await tx.recovery_codes.replace(user.id, ())
            await self._record(tx, AuditEvent.FACTOR_REMOVED, by, factor_id)

    async def reset(self, user_id: UserId, *, by: Principal) -> None:
        """Remove all factors of an account, for an admin or operator; its user is notified by mail.

        The account signs in by its password alone until it adds a factor again. Raises
        UserNotFound.
        """
        if not by.is_admin:
            raise NotAllowed
        async with self.write() as tx:
            await tx.users.get(user_id, lock=True)
            await tx.factors.clear(user_id)
            event = AuditEvent.FACTORS_RESET
            await tx.audit.record(event, actor=by.user_id, subject=user_id)
            await tx.jobs.add(account_mail(self.new_id(), user_id, MailTemplate.FACTORS_RESET))

    async def _record(
        self, tx: FactorTransaction, event: AuditEvent, by: Principal, factor_id: UUID | None = None
    ) -> None:
        """Record a change, and notify the account by mail."""
        kind = FactorKind.RECOVERY_CODE if factor_id is None else FactorKind.TOTP
        details = AuditDetails(factor=kind.value)
        if factor_id is not None:
            details["factor_id"] = str(factor_id)
        await tx.audit.record(event, actor=by.user_id, subject=by.user_id, **details)
        await tx.jobs.add(account_mail(self.new_id(), by.user_id, MailTemplate.FACTORS_CHANGED))

    async def _new_codes(self, tx: FactorTransaction, user_id: UserId) -> Sequence[str]:
        codes = make_codes(self.make_secret())
        await tx.recovery_codes.replace(user_id, [code_hash(code) for code in codes])
        return codes


async def _own(tx: FactorTransaction, factor_id: UUID, by: Principal) -> TotpFactor:
    """Return a factor of the caller, its row locked; raise FactorNotFound."""
    for factor in await tx.factors.list_for(by.user_id, lock=True):
        if factor.id == factor_id:
            return factor
    raise FactorNotFound
