"""A passkey, what its use cases refuse, and their ports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias
from uuid import UUID

from jubilee.domain.auth.opening import OpeningTransaction
from jubilee.domain.auth.sessions import SessionRepository
from jubilee.domain.errors import Conflict, Invalid, NotFound
from jubilee.domain.idempotency.answers import AnswerTransaction
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.queue import JobQueue
from jubilee.domain.owned_rows import SessionProofStore
from jubilee.domain.users.ports import UserView
from jubilee.domain.users.sign_in_methods import LinkedIdentityReader
from jubilee.domain.users.user import User

MAX_PASSKEYS = 20  # of one account
DEFAULT_NAME = "Passkey"

CredentialJson: TypeAlias = Mapping[str, object]
"""A credential as browsers write it: `PublicKeyCredential.toJSON()`."""

OptionsJson: TypeAlias = Mapping[str, object]
"""Options as browsers read them: `PublicKeyCredential.parseCreationOptionsFromJSON()`."""


class PasskeyNotFound(NotFound):
    """The passkey does not exist or is not yours."""

    code = "passkey_not_found"


class PasskeyKnown(Conflict):
    """The passkey is already registered."""

    code = "passkey_known"


class InvalidPasskey(Invalid):
    """The passkey or its answer is not valid: ask for new options and try again."""

    code = "invalid_passkey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A passkey of an account; `sign_count` is the authenticator's, 0 if it does not count."""

    id: UUID
    user_id: UserId
    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    name: str
    backed_up: bool
    created_at: datetime
    last_used_at: datetime | None = None

    def is_copied(self, sign_count: int) -> bool:
        """Return whether the counter went back or stayed: another authenticator has the key."""
        return self.sign_count > 0 and sign_count <= self.sign_count


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    """What an authenticator says of a new passkey."""

    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    backed_up: bool


@dataclass(frozen=True, slots=True)
class KeyAnswer:
    """What an authenticator says when it signs in."""

    sign_count: int
    backed_up: bool


# Ports


class WebAuthnVerifier(Protocol):
    """Makes options for browsers, and verifies what their authenticators answer.

    Every answer must come from one of the service's origins, for its relying party, with the user
    present and verified. All but the options raise InvalidPasskey.
    """

    async def creation_options(
        self, user: User, challenge: bytes, known: Sequence[Passkey]
    ) -> OptionsJson:
        """Return the options of a registration; authenticators with a known passkey refuse it."""

    async def request_options(self, challenge: bytes) -> OptionsJson:
        """Return the options of a sign-in by any passkey of the service."""

    def challenge_of(self, credential: CredentialJson) -> bytes:
        """Return the challenge that the credential answers, not verified yet."""

    def credential_id_of(self, credential: CredentialJson) -> bytes:
        """Return the id of the passkey, not verified yet."""

    async def registered(self, credential: CredentialJson, challenge: bytes) -> RegisteredKey:
        """Verify the answer to a registration."""

    async def signed(
        self, credential: CredentialJson, challenge: bytes, public_key: bytes
    ) -> KeyAnswer:
        """Verify the answer to a sign-in."""


class PasskeyRepository(Protocol):
    """The passkeys of accounts."""

    async def list_for(self, user_id: UserId) -> Sequence[Passkey]:
        """List the passkeys of the account, oldest first."""

    async def find(self, credential_id: bytes, *, lock: bool = False) -> Passkey | None:
        """Return the passkey; `lock` holds its row until the transaction ends."""

    async def add(self, passkey: Passkey) -> None:
        """Insert the passkey; raise PasskeyKnown."""

    async def save(self, passkey: Passkey) -> None:
        """Update its name and what changes with its use."""

    async def remove(self, passkey_id: UUID) -> None:
        """Delete the passkey."""


class SpentChallengeStore(Protocol):
    """The challenges that have been answered; each is kept until it would have expired."""

    async def spend(self, challenge: bytes, *, until: datetime) -> bool:
        """Store the challenge; return whether it is new. Of parallel calls, one returns True."""


class PasskeyView(UserView, Protocol):
    """The repositories that passkeys are read from."""

    @property
    def passkeys(self) -> PasskeyRepository:
        """The passkeys."""


class PasskeySessionStore(SessionRepository, SessionProofStore, Protocol):
    """The sessions, as passkeys open them and prove who uses them."""


class PasskeyTransaction(AnswerTransaction, OpeningTransaction, Protocol):
    """The repositories that passkeys need in one transaction."""

    @property
    def sessions(self) -> PasskeySessionStore:
        """The sessions of accounts."""

    @property
    def passkeys(self) -> PasskeyRepository:
        """The passkeys."""

    @property
    def identities(self) -> LinkedIdentityReader:
        """The identities at other providers."""

    @property
    def jobs(self) -> JobQueue:
        """The mails to enqueue."""

    @property
    def spent_challenges(self) -> SpentChallengeStore:
        """The challenges that have been answered."""
