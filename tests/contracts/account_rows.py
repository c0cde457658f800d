"""An account with a row of each kind that it owns."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Self

from jubilee.adapters.ids import new_id
from jubilee.domain.api_tokens.token import ApiToken, ApiTokenId
from jubilee.domain.auth.pending import PendingSignIn
from jubilee.domain.auth.sessions import Session
from jubilee.domain.factors.factor import TotpFactor
from jubilee.domain.greetings.greeting import GreetingKey, PlannedGreeting
from jubilee.domain.identities.identity import Identity
from jubilee.domain.identity import Principal
from jubilee.domain.invites.invite import Invite
from jubilee.domain.items import Item
from jubilee.domain.leaving.export import Export
from jubilee.domain.one_time.link import LinkPurpose, OneTimeLink
from jubilee.domain.passkeys.passkey import Passkey
from jubilee.domain.scopes import Scope
from jubilee.domain.users.registration import welcome_mail
from jubilee.domain.users.user import User
from tests.contracts.accounts import DAY, NOW, make_session, make_user
from tests.contracts.item_rows import make_item
from tests.contracts.task_rows import OwnedRequest, insert_task, make_task, principal_of
from tests.fakes.identities import make_identity

BORN = date(1990, 11, 20)
CODE = b"r" * 32
ROLE = "support"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRows:
    """The account, and what it owns."""

    user: User
    session: Session
    token: ApiToken
    item: Item
    app: TotpFactor
    passkey: Passkey
    pending: PendingSignIn
    identity: Identity
    link: OneTimeLink
    invite: Invite
    export: Export
    greeting: PlannedGreeting
    task: OwnedRequest
    answer: bytes

    @property
    def principal(self) -> Principal:
        """The account as a caller."""
        return principal_of(self.user)

    @classmethod
    def make(cls, name: str) -> Self:
        """Make rows that are not stored."""
        user = make_user(name, username=name, date_of_birth=BORN)
        return cls(
            user=user,
            session=make_session(user),
            token=make_token(user),
            item=make_item(user.id),
            app=make_app(user, confirmed_at=NOW),
            passkey=passkey_of(user, unique()),
            pending=make_pending(user, unique()),
            identity=make_identity(user.id, name),
            link=make_link(user),
            invite=make_invite(user, f"guest-of-{name}", role="user"),
            export=Export(new_id(), user.id, 1, 1, NOW + DAY),
            greeting=PlannedGreeting(key=GreetingKey(user.id, 2026), due_on=NOW.date(), due_at=NOW),
            task=make_task(user, task_id="report"),
            answer=unique(),
        )

    async def add(self, tx: Any) -> None:
        """Store all."""
        await tx.users.add(self.user)
        await tx.items.add(self.item)
        await self._add_ways_in(tx)
        await tx.invites.add(self.invite)
        await tx.roles.replace_grants(self.user.id, [ROLE], by=self.user.id, at=NOW)
        await tx.deletions.add(self.user.id, NOW + DAY)
        await tx.exports.begin(self.export.id, self.user.id, expires_at=self.export.expires_at)
        await tx.exports.add(self.export.id, 0, b"x")
        await tx.exports.finish(self.export)
        await tx.greetings.add([self.greeting], at=NOW)
        await insert_task(tx, self.task, limit=9)
        await tx.jobs.add(welcome_mail(new_id(), self.user.id))
        await tx.answers.add(self.answer, b"sealed", self.user.id)

    async def _add_ways_in(self, tx: Any) -> None:
        await tx.sessions.add(self.session)
        await tx.api_tokens.add(self.token)
        await tx.factors.add(self.app)
        await tx.recovery_codes.replace(self.user.id, [CODE])
        await tx.passkeys.add(self.passkey)
        await tx.pending_sign_ins.add(self.pending, now=NOW)
        await tx.identities.add(self.identity)
        await tx.one_time.add(self.link)


def unique() -> bytes:
    """Return 32 bytes that no other row has."""
    return new_id().bytes * 2


def make_link(
    user: User, purpose: LinkPurpose = LinkPurpose.RESET_PASSWORD, **more: Any
) -> OneTimeLink:
    """Return a link that expires in a day."""
    link = OneTimeLink(
        id=new_id(),
        user_id=user.id,
        purpose=purpose,
        recipient=user.email,
        token_hash=unique(),
        code_hash=b"c" * 32,
        created_at=NOW,
        expires_at=NOW + DAY,
    )
    return replace(link, **more)


def make_token(user: User, **more: Any) -> ApiToken:
    """Return a token that was created now and expires in a day."""
    token = ApiToken(
        id=ApiTokenId(new_id()),
        user_id=user.id,
        name="backup",
        token_hash=unique(),
        scopes=frozenset({Scope.ITEMS_READ, Scope.ADMIN}),
        created_at=NOW,
        expires_at=NOW + DAY,
    )
    return replace(token, **more)


def make_app(user: User, **more: Any) -> TotpFactor:
    """Return an authenticator app that is not confirmed."""
    app = TotpFactor(id=new_id(), user_id=user.id, sealed_secret=b"sealed", created_at=NOW)
    return replace(app, **more)


def make_pending(user: User, token_hash: bytes = b"t" * 32, **more: Any) -> PendingSignIn:
    """Return a sign-in that waits a day for its second factor."""
    row = PendingSignIn(
        token_hash=token_hash, user_id=user.id, password_digest=b"d" * 32, expires_at=NOW + DAY
    )
    return replace(row, **more)


def passkey_of(user: User, credential_id: bytes = b"credential") -> Passkey:
    """Return a passkey that was never used."""
    return Passkey(
        id=new_id(),
        user_id=user.id,
        credential_id=credential_id,
        public_key=b"key",
        sign_count=1,
        name="Phone",
        backed_up=False,
        created_at=NOW,
    )


def make_invite(by: User, name: str = "zoe", at: datetime = NOW, **more: Any) -> Invite:
    """Return an invite to the address `<name>@example.com` that expires a day later."""
    invite = Invite(
        id=new_id(),
        email=f"{name}@example.com",
        role="support",
        invited_by=by.id,
        token_hash=unique(),
        code_hash=b"c" * 32,
        created_at=at,
        expires_at=at + DAY,
    )
    return replace(invite, **more)
