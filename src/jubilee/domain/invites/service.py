"""Use cases of invites."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from jubilee.domain.audit.entry import AuditDetails, AuditEvent
from jubilee.domain.clock import Clock
from jubilee.domain.idempotency.commit import answered
from jubilee.domain.identity import NewId, Principal, UserId
from jubilee.domain.invites.invite import (
    DEFAULT_LIFETIME,
    MAX_LIFETIME,
    MAX_PER_INVITER,
    InvalidInvite,
    Invite,
    InviteExpiryOutOfRange,
    InviteNotFound,
    InviteReader,
    InviteRepository,
    TooManyInvites,
)
from jubilee.domain.invites.proving import InviteProver
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.names import Names, checked_names
from jubilee.domain.one_time.link import LinkProof
from jubilee.domain.one_time.secrets import LinkSecrets
from jubilee.domain.paging import Page, Position
from jubilee.domain.passwords import hash_new
from jubilee.domain.roles.role import (
    ADMIN,
    USER,
    RoleBeyondOwn,
    RoleReader,
    UnknownRole,
)
from jubilee.domain.roles.service import RoleTransaction
from jubilee.domain.scopes import Scope
from jubilee.domain.transaction import Begin
from jubilee.domain.users.ports import UserReader
from jubilee.domain.users.service import UserService
from jubilee.domain.users.user import EmailTaken, Profile, User, UserNotFound

INVITE_MAIL = "email.invite"
ADDRESS_TAKEN = "address_taken"
"""Reason in the audit log where the address of an invite has an account."""


class InviteView(Protocol):
    """The repositories that invites are read from."""

    @property
    def invites(self) -> InviteReader:
        """The pending invites."""

    @property
    def users(self) -> UserReader:
        """The accounts."""

    @property
    def roles(self) -> RoleReader:
        """The roles and their grants."""


class InviteTransaction(RoleTransaction, Protocol):
    """The repositories that invites need in one transaction."""

    @property
    def invites(self) -> InviteRepository:
        """The pending invites."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What an invited person sends to get an account."""

    proof: LinkProof
    password: str = field(repr=False)
    names: Names


@dataclass(frozen=True, slots=True)
class InviteService:
    """Use cases of invites."""

    write: Begin[InviteTransaction]
    read: Begin[InviteView]
    users: UserService
    prover: InviteProver
    secrets: LinkSecrets
    clock: Clock
    new_id: NewId

    async def create(
        self, email: str, role: str, *, by: Principal, expires_at: datetime | None = None
    ) -> Invite:
        """Store an invite and enqueue its mail; it replaces an earlier one to the address.

        The result is the same for an address that has an account: its owner gets another mail,
        and the inviter sees it in the audit log. Raises UnknownRole, RoleBeyondOwn,
        InviteExpiryOutOfRange or TooManyInvites.
        """
        invite = self._new_invite(email, role, by, expires_at)
        async with self.read() as view:
            reason = ADDRESS_TAKEN if await view.users.find_by_login(email) else None
        async with answered(self.write) as tx:
            await _require_grantable(tx.roles, role, by.allowed)
            if await tx.invites.count(by.user_id, limit=MAX_PER_INVITER) >= MAX_PER_INVITER:
                raise TooManyInvites
            await tx.invites.add(invite)
            await tx.jobs.add(self._mail(invite))
            await _record(tx, AuditEvent.INVITE_SENT, invite, actor=by.user_id, reason=reason)
        return invite

    def _new_invite(
        self, email: str, role: str, by: Principal, expires_at: datetime | None
    ) -> Invite:
        now, invite_id = self.clock(), self.new_id()
        token_hash, code_hash = self.secrets.hashes(invite_id)
        expires_at = now + DEFAULT_LIFETIME if expires_at is None else expires_at
        if not now < expires_at <= now + MAX_LIFETIME:
            raise InviteExpiryOutOfRange(pointer="/expires")
        return Invite(
            id=invite_id,
            email=email,
            role=role,
            invited_by=by.user_id,
            token_hash=token_hash,
            code_hash=code_hash,
            created_at=now,
            expires_at=expires_at,
        )

    async def list(self, *, after: Position | None, limit: int) -> Page[Invite]:
        """List the pending invites of all accounts, newest first."""
        async with self.read() as view:
            return await view.invites.page(now=self.clock(), after=after, limit=limit)

    async def revoke(self, invite_id: UUID, *, by: Principal) -> None:
        """Delete a pending invite; raise InviteNotFound."""
        async with self.write() as tx:
            invite = await tx.invites.remove(invite_id)
            if invite is None:
                raise InviteNotFound
            await _record(tx, AuditEvent.INVITE_REVOKED, invite, actor=by.user_id)

    async def accept(self, acceptance: Acceptance, address: str | None) -> User:
        """Create the account of an invite, with its role and a verified address, exactly once.

        `address` is the client's. Raises InvalidInvite, also where the inviter could no longer
        grant the role; TooManyAttempts; EmailTaken, which uses the invite up; UsernameTaken; or the
        errors of names and passwords.
        """
        names, users = checked_names(acceptance.names), self.users
        invite = await self.prover.prove(acceptance.proof, address)
        async with self.read() as view:
            await self._require_inviter(invite, view.users.get(invite.invited_by), view.roles)
        profile = Profile(
            email=invite.email,
            username=names.get("username"),
            full_name=names.get("full_name"),
            is_superuser=invite.role == ADMIN,
        )
        known = invite.email, names.get("username"), names.get("full_name")
        hashed = await hash_new(users.hasher, users.rules, acceptance.password, known)
        user = users.new_user(profile, hashed, is_verified=True)
        try:
            await self._add(invite, user)
        except EmailTaken:
            await self._refuse(invite)
            raise
        return user

    async def _require_inviter(
        self, invite: Invite, looked_up: Awaitable[User], roles: RoleReader
    ) -> None:
        """Raise InvalidInvite unless its inviter could still grant the role."""
        try:
            inviter = await looked_up
            await _require_grantable(roles, invite.role, await roles.rights(inviter.id))
        except (UserNotFound, UnknownRole, RoleBeyondOwn):
            raise InvalidInvite from None
        if not inviter.may_sign_in(self.clock()):
            raise InvalidInvite

    async def _add(self, invite: Invite, user: User) -> None:
        """Create the account; the inviter may have changed while the password was hashed."""
        async with answered(self.write) as tx:
            inviter = tx.users.get(invite.invited_by, lock=True)
            await self._require_inviter(invite, inviter, tx.roles)
            if await tx.invites.remove(invite.id) is None:
                raise InvalidInvite
            await self.users.add(tx, user)
            granted = {invite.role} - {ADMIN, USER}
            at = user.created_at
            await tx.roles.replace_grants(user.id, granted, by=invite.invited_by, at=at)
            if granted:
                event, actor = AuditEvent.ROLE_CHANGED, invite.invited_by
                await tx.audit.record(event, actor=actor, subject=user.id, role=invite.role)
            await _record(tx, AuditEvent.INVITE_ACCEPTED, invite, actor=user.id)

    async def _refuse(self, invite: Invite) -> None:
        """End an invite whose address has got an account since, and record it for the inviter."""
        async with self.write() as tx:
            if await tx.invites.remove(invite.id) is not None:
                await _record(
                    tx, AuditEvent.INVITE_REVOKED, invite, actor=None, reason=ADDRESS_TAKEN
                )

    def _mail(self, invite: Invite) -> NewJob:
        data = {"invite_id": str(invite.id)}
        return NewJob(id=self.new_id(), kind=INVITE_MAIL, data=data, owner_id=invite.invited_by)


async def _require_grantable(roles: RoleReader, name: str, rights: frozenset[Scope]) -> None:
    known = {role.name: role for role in await roles.all()}
    if name not in known:
        raise UnknownRole(pointer="/role")
    if not known[name].scopes <= rights:
        raise RoleBeyondOwn


async def _record(
    tx: InviteTransaction,
    event: AuditEvent,
    invite: Invite,
    *,
    actor: UserId | None,
    reason: str | None = None,
) -> None:
    details = AuditDetails(role=invite.role, resource="invite", resource_id=str(invite.id))
    if reason is not None:
        details["reason"] = reason
    await tx.audit.record(event, actor=actor, subject=invite.invited_by, **details)
