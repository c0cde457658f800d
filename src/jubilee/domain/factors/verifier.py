"""Verification of codes: each is accepted once, and wrong ones are limited."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from jubilee.domain.attempts.attempt import AttemptLimits, PasswordAttempt
from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.clock import Clock
from jubilee.domain.factors.factor import FactorKind, TotpFactor, TypedFactor, WrongCode
from jubilee.domain.factors.ports import SecretCipher, TotpAlgorithm, VerifyingTransaction
from jubilee.domain.factors.recovery_codes import code_hash
from jubilee.domain.identity import Principal, UserId

CODE_LIMITS = AttemptLimits(account=5)
"""Three of a million codes are valid at a time: so an attacker finds one in years, not in hours."""


@dataclass(frozen=True, slots=True)
class FactorVerifier:
    """Verifies codes of authenticator apps and recovery codes.

    `attempt_of` or `attempt_by` surrounds the transaction in which `require` is called.
    """

    guard: AttemptGuard
    totp: TotpAlgorithm
    cipher: SecretCipher
    clock: Clock

    def attempt_of(self, user_id: UserId) -> AbstractAsyncContextManager[None]:
        """Count an attempt to sign in; raises TooManyAttempts."""
        return self.guard.attempt(PasswordAttempt.second_factor(user_id))

    def attempt_by(self, caller: Principal) -> AbstractAsyncContextManager[None]:
        """Count an attempt within a session; raises TooManyAttempts."""
        return self.guard.attempt(PasswordAttempt.current_password(caller))

    async def require(self, tx: VerifyingTransaction, user_id: UserId, typed: TypedFactor) -> None:
        """Use the code up, or raise WrongCode."""
        if typed.kind is FactorKind.RECOVERY_CODE:
            accepted = await tx.recovery_codes.use(user_id, code_hash(typed.code))
        else:
            accepted = await self._use_totp(tx, user_id, typed.code)
        if not accepted:
            raise WrongCode

    def step_of(self, factor: TotpFactor, code: str) -> int | None:
        """Return the step of a code; None if it is wrong, or not newer than the last one."""
        secret = self.cipher.open(factor.id.bytes, factor.sealed_secret).decode()
        step = self.totp.step_of(secret, code, self.clock())
        is_new = step is not None and (factor.last_step is None or step > factor.last_step)
        return step if is_new else None

    async def _use_totp(self, tx: VerifyingTransaction, user_id: UserId, code: str) -> bool:
        for factor in await tx.factors.list_for(user_id, lock=True):
            step = None if factor.confirmed_at is None else self.step_of(factor, code)
            if step is not None:
                await tx.factors.save(replace(self._resealed(factor), last_step=step))
                return True
        return False

    def _resealed(self, factor: TotpFactor) -> TotpFactor:
        """Encrypt the secret by the current key, so that a previous one can be removed."""
        context = factor.id.bytes
        sealed = self.cipher.seal(context, self.cipher.open(context, factor.sealed_secret))
        return replace(factor, sealed_secret=sealed)
