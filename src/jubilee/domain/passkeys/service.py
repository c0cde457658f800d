"""Use cases of passkeys: registering, listing, renaming and removing them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from jubilee.domain.account_mail import MailTemplate, account_mail
from jubilee.domain.audit.entry import AuditDetails, AuditEvent
from jubilee.domain.clock import Clock
from jubilee.domain.factors.factor import FactorKind, FactorNeeded, MfaRequirement, TooManyFactors
from jubilee.domain.idempotency.commit import answered
from jubilee.domain.identity import NewId, Principal, UserId
from jubilee.domain.passkeys.challenges import ChallengeSigner
from jubilee.domain.passkeys.passkey import (
    MAX_PASSKEYS,
    CredentialJson,
    InvalidPasskey,
    OptionsJson,
    Passkey,
    PasskeyNotFound,
    PasskeyTransaction,
    PasskeyView,
    RegisteredKey,
    WebAuthnVerifier,
)
from jubilee.domain.transaction import Begin
from jubilee.domain.users.sign_in_methods import require_sign_in_method


@dataclass(frozen=True, slots=True)
class PasskeyService:
    """The passkeys of the caller."""

    write: Begin[PasskeyTransaction]
    read: Begin[PasskeyView]
    verifier: WebAuthnVerifier
    challenges: ChallengeSigner
    requirement: MfaRequirement
    issuers: Collection[str]
    """Those of the configured providers, whose identities can sign in as well."""
    clock: Clock
    new_id: NewId

    async def options(self, *, by: Principal) -> OptionsJson:
        """Return the options with which a browser creates a passkey."""
        async with self.read() as view:
            user = await view.users.get(by.user_id)
            known = await view.passkeys.list_for(by.user_id)
        challenge = self.challenges.issue(_purpose(by.user_id), self.clock())
        return await self.verifier.creation_options(user, challenge, known)

    async def register(self, credential: CredentialJson, name: str, *, by: Principal) -> Passkey:
        """Store the passkey that a browser has made; the session then has a second factor.

        Raises InvalidPasskey, PasskeyKnown or TooManyFactors.
        """
        challenge, now = self.verifier.challenge_of(credential), self.clock()
        ends = self.challenges.ends_at(challenge, (_purpose(by.user_id),), now)
        if ends is None:
            raise InvalidPasskey
        key = await self.verifier.registered(credential, challenge)
        passkey = self._passkey(key, name, by, now)
        async with answered(self.write) as tx:
            await tx.users.get(by.user_id, lock=True)
            if len(await tx.passkeys.list_for(by.user_id)) >= MAX_PASSKEYS:
                raise TooManyFactors
            if not await tx.spent_challenges.spend(challenge, until=ends):
                raise InvalidPasskey
            await tx.passkeys.add(passkey)
            await tx.sessions.prove(by.session, at=now, second_factor=True)
            await self._record(tx, AuditEvent.FACTOR_ADDED, by, passkey.id)
        return passkey

    async def list(self, *, by: Principal) -> Sequence[Passkey]:
        """List the caller's passkeys, oldest first."""
        async with self.read() as view:
            return await view.passkeys.list_for(by.user_id)

    async def rename(self, passkey_id: UUID, name: str, *, by: Principal) -> Passkey:
        """Rename a passkey of the caller; raise PasskeyNotFound."""
        async with answered(self.write) as tx:
            await tx.users.get(by.user_id, lock=True)  # a sign-in counts in the row that is saved
            renamed = replace(await _own(tx, passkey_id, by), name=name)
            await tx.passkeys.save(renamed)
        return renamed

    async def remove(self, passkey_id: UUID, *, by: Principal) -> None:
        """Remove a passkey of the caller.

        Raises PasskeyNotFound, FactorNeeded for the last factor of an account that needs one, or
        LastSignInMethod.
        """
        async with self.write() as tx:
            user = await tx.users.get(by.user_id, lock=True)
            await tx.passkeys.remove((await _own(tx, passkey_id, by)).id)
            await require_sign_in_method(tx, user, self.issuers)
            kinds = await tx.factors.kinds_of(user.id)
            is_required = self.requirement.applies_to(is_admin=user.is_superuser)
            if is_required and not {FactorKind.TOTP, FactorKind.PASSKEY} & set(kinds):
                raise FactorNeeded
            await self._record(tx, AuditEvent.FACTOR_REMOVED, by, passkey_id)

    async def _record(
        self, tx: PasskeyTransaction, event: AuditEvent, by: Principal, key_id: UUID
    ) -> None:
        """Record a change, and tell the account of it by mail."""
        details = AuditDetails(factor=FactorKind.PASSKEY.value, factor_id=str(key_id))
        await tx.audit.record(event, actor=by.user_id, subject=by.user_id, **details)
        await tx.jobs.add(account_mail(self.new_id(), by.user_id, MailTemplate.FACTORS_CHANGED))

    def _passkey(self, key: RegisteredKey, name: str, by: Principal, now: datetime) -> Passkey:
        return Passkey(
            id=self.new_id(),
            user_id=by.user_id,
            credential_id=key.credential_id,
            public_key=key.public_key,
            sign_count=key.sign_count,
            name=name,
            backed_up=key.backed_up,
            created_at=now,
        )


def _purpose(user_id: UserId) -> str:
    return f"register {user_id}"


async def _own(tx: PasskeyTransaction, passkey_id: UUID, by: Principal) -> Passkey:
    for passkey in await tx.passkeys.list_for(by.user_id):
        if passkey.id == passkey_id:
            return passkey
    raise PasskeyNotFound
