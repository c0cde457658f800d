"""Sign-in by a passkey, with or without a user name; and its proof within a session."""

from dataclasses import dataclass, field, replace

from jubilee.domain.audit.entry import AuditEvent, record_own
from jubilee.domain.auth.admission import SignInMethod, SignInRefusal
from jubilee.domain.auth.opening import SessionOpener, Tokens, require_tokens
from jubilee.domain.auth.records import SignInFailure
from jubilee.domain.auth.sessions import ClientInfo
from jubilee.domain.clock import Clock
from jubilee.domain.identity import Principal, UserId, name_key
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
from jubilee.domain.users.recent_proof import ReauthenticationRequired
from jubilee.domain.users.user import User, UserNotFound

ANY_ACCOUNT = "sign in"


@dataclass(frozen=True, slots=True)
class VerifiedAnswer:
    """An answer whose signature is valid; its challenge is not checked yet."""

    passkey: Passkey
    challenge: bytes = field(repr=False)
    key: KeyAnswer


@dataclass(frozen=True, slots=True)
class PasskeySignIn:
    """Takes passkeys as proofs: they open sessions, or are given within one.

    As the user is verified, they count as both factors. The options name no passkey: with a user
    name they are the same as without, except that the answer must come from a passkey of that
    account. So they say nothing about who exists.
    """

    write: Begin[PasskeyTransaction]
    read: Begin[PasskeyView]
    verifier: WebAuthnVerifier
    challenges: ChallengeSigner
    opener: SessionOpener
    clock: Clock

    async def options(self, login: str | None) -> OptionsJson:
        """Return what a browser needs to sign in; `login` is a username or an address."""
        purpose = ANY_ACCOUNT if login is None else _purpose(login)
        challenge = self.challenges.issue(purpose, self.clock())
        return await self.verifier.request_options(challenge)

    async def sign_in(self, credential: CredentialJson, client: ClientInfo) -> Tokens:
        """Open a session; raise InvalidPasskey or EmailNotVerified."""
        passkey = await self._find(credential)
        try:
            answer = await self._verified(credential, passkey)
            opened = await self._open(answer, client)
        except InvalidPasskey:
            await self._record_failure(passkey.user_id, SignInFailure.WRONG_PASSKEY)
            raise
        if opened is None:
            await self._record_failure(passkey.user_id, SignInFailure.COPIED_PASSKEY)
            raise InvalidPasskey
        return require_tokens(opened, invalid=InvalidPasskey)

    async def prove(self, credential: CredentialJson, *, by: Principal) -> None:
        """Take a passkey of the caller, which answers options of a sign-in, as proof.

        The proof is for this session. Raises ReauthenticationRequired for a wrong one.
        """
        try:
            await self._prove(credential, by)
        except InvalidPasskey as error:
            event = AuditEvent.REAUTHENTICATION_FAILED
            async with self.write() as tx:
                await tx.audit.record(event, actor=by.user_id, subject=by.user_id)
            raise ReauthenticationRequired("The passkey or its answer is not valid.") from error

    async def _prove(self, credential: CredentialJson, by: Principal) -> None:
        session_id, passkey = by.session, await self._find(credential)
        if passkey.user_id != by.user_id:
            raise InvalidPasskey
        answer = await self._verified(credential, passkey)
        async with self.write() as tx:
            is_used = await self._use(tx, await _locked(tx, by.user_id), answer)
            if is_used:
                await tx.sessions.prove(session_id, at=self.clock(), second_factor=True)
                event, proved = AuditEvent.REAUTHENTICATED, str(session_id)
                await record_own(tx.audit, event, by.user_id, session_id=proved)
        if not is_used:
            raise InvalidPasskey  # after the commit: its challenge stays spent

    async def _find(self, credential: CredentialJson) -> Passkey:
        credential_id = self.verifier.credential_id_of(credential)
        async with self.read() as view:
            passkey = await view.passkeys.find(credential_id)
        if passkey is None:
            raise InvalidPasskey
        return passkey

    async def _verified(self, credential: CredentialJson, passkey: Passkey) -> VerifiedAnswer:
        challenge = self.verifier.challenge_of(credential)
        key = await self.verifier.signed(credential, challenge, passkey.public_key)
        return VerifiedAnswer(passkey, challenge, key)

    async def _open(
        self, answer: VerifiedAnswer, client: ClientInfo
    ) -> Tokens | SignInRefusal | None:
        """Return None if the counter of the passkey went back."""
        async with self.write() as tx:
            user = await _locked(tx, answer.passkey.user_id)
            if not await self._use(tx, user, answer):
                return None
            return await self.opener.open(tx, user, client, SignInMethod.PASSKEY)

    async def _use(self, tx: PasskeyTransaction, user: User, answer: VerifiedAnswer) -> bool:
        """Spend the challenge and note the use; False if the counter of the passkey went back."""
        now, key = self.clock(), answer.key
        found = await tx.passkeys.find(answer.passkey.credential_id, lock=True)
        ends = self.challenges.ends_at(answer.challenge, _purposes(user), now)
        if found is None or ends is None:
            raise InvalidPasskey
        if not await tx.spent_challenges.spend(answer.challenge, until=ends):
            raise InvalidPasskey
        if found.is_copied(key.sign_count):
            return False
        used = replace(found, sign_count=key.sign_count, backed_up=key.backed_up, last_used_at=now)
        await tx.passkeys.save(used)
        return True

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
