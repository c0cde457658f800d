"""Sign-in by a passkey, with or without a user name."""

from dataclasses import dataclass, replace

from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.auth.admission import SignInMethod, SignInRefusal
from jubilee.domain.auth.opening import SessionOpener, Tokens
from jubilee.domain.auth.records import SignInFailure
from jubilee.domain.auth.sessions import ClientInfo
from jubilee.domain.auth.tokens import InvalidGrant
from jubilee.domain.clock import Clock
from jubilee.domain.identity import UserId, name_key
from jubilee.domain.passkeys.challenges import ChallengeSigner
from jubilee.domain.passkeys.passkey import (
    CredentialJson,
    InvalidPasskey,
    KeyAnswer,
    OptionsJson,
    Passkey,
    PasskeyTransaction,
    PasskeyView,
    WebAuthnVerifier,
)
from jubilee.domain.transaction import Begin
from jubilee.domain.users.user import User, UserNotFound

ANY_ACCOUNT = "sign in"


@dataclass(frozen=True, slots=True)
class PasskeySignIn:
    """Opens sessions by passkeys; as the user is verified, they count as both factors.

    The options name no passkey: with a user name they are the same as without, except that the
    answer must come from a passkey of that account. So they say nothing about who exists.
    """

    write: Begin[PasskeyTransaction]
    read: Begin[PasskeyView]
    verifier: WebAuthnVerifier
    challenges: ChallengeSigner
    opener: SessionOpener
    clock: Clock

    async def options(self, login: str | None) -> OptionsJson:
        """Return the options with which a browser signs in; `login` is a username or an address."""
        purpose = ANY_ACCOUNT if login is None else _purpose(login)
        challenge = self.challenges.issue(purpose, self.clock())
        return await self.verifier.request_options(challenge)

    async def sign_in(self, credential: CredentialJson, client: ClientInfo) -> Tokens:
        """Open a session; raise InvalidPasskey or EmailNotVerified."""
        credential_id = self.verifier.credential_id_of(credential)
        async with self.read() as view:
            passkey = await view.passkeys.find(credential_id)
        if passkey is None:
            raise InvalidPasskey
        challenge = self.verifier.challenge_of(credential)
        try:
            answer = await self.verifier.signed(credential, challenge, passkey.public_key)
            opened = await self._open(passkey, challenge, answer, client)
        except InvalidPasskey:
            await self._record_failure(passkey.user_id, SignInFailure.WRONG_PASSKEY)
            raise
        if opened is None:
            await self._record_failure(passkey.user_id, SignInFailure.COPIED_PASSKEY)
        if opened is None or isinstance(opened, InvalidGrant):
            raise InvalidPasskey
        if not isinstance(opened, Tokens):
            raise opened
        return opened

    async def _open(
        self, passkey: Passkey, challenge: bytes, answer: KeyAnswer, client: ClientInfo
    ) -> Tokens | SignInRefusal | None:
        """Return None if the counter of the passkey went back."""
        now = self.clock()
        async with self.write() as tx:
            user = await _locked(tx, passkey.user_id)
            found = await tx.passkeys.find(passkey.credential_id, lock=True)
            ends = self.challenges.ends_at(challenge, _purposes(user), now)
            if found is None or ends is None:
                raise InvalidPasskey
            if not await tx.spent_challenges.spend(challenge, until=ends):
                raise InvalidPasskey
            if found.is_copied(answer.sign_count):
                return None
            count, backed_up = answer.sign_count, answer.backed_up
            used = replace(found, sign_count=count, backed_up=backed_up, last_used_at=now)
            await tx.passkeys.save(used)
            return await self.opener.open(tx, user, client, SignInMethod.PASSKEY)

    async def _record_failure(self, user_id: UserId, reason: SignInFailure) -> None:
        event = AuditEvent.SIGN_IN_FAILED
        async with self.write() as tx:
            await tx.audit.record(event, actor=None, subject=user_id, reason=reason.value)


async def _locked(tx: PasskeyTransaction, user_id: UserId) -> User:
    """Return the account, locked; raise InvalidPasskey if it is gone."""
    try:
        return await tx.users.get(user_id, lock=True)
    except UserNotFound:
        raise InvalidPasskey from None


def _purpose(login: str) -> str:
    return f"sign in {name_key(login)}"


def _purposes(user: User) -> tuple[str, ...]:
    logins = (user.email, user.username)
    return (ANY_ACCOUNT, *(_purpose(login) for login in logins if login is not None))
