"""Registration that does not reveal whether an address has an account.

The request only enqueues a sealed job, whether or not the address is taken. The job makes the
account, or notifies the owner of the address.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from jubilee.domain.account_email.requests import AddressCipher, LockingUserReader, find_owner
from jubilee.domain.account_mail import MailTemplate, account_mail
from jubilee.domain.calendar import Calendar
from jubilee.domain.clock import Clock
from jubilee.domain.idempotency.commit import answered
from jubilee.domain.identity import NewId, UserId
from jubilee.domain.jobs.kinds import Audience, Completion, JobContext, JobKind
from jubilee.domain.jobs.payload import MASK, read_text, require_only
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.names import checked_names
from jubilee.domain.passwords import PasswordHasher, PasswordRules, hash_new
from jubilee.domain.transaction import Begin
from jubilee.domain.users.changes import record_registration
from jubilee.domain.users.ports import UserRepository, UserTransaction, UserView
from jubilee.domain.users.registration import RegistrationMail
from jubilee.domain.users.service import BIRTH_POINTERS
from jubilee.domain.users.user import Profile, User, UsernameTaken

REGISTER = "email.register"
TIMEOUT_S = 30.0
MAX_SEALED_CHARS = 8_000


# Ports


class NewUserRepository(UserRepository, LockingUserReader, Protocol):
    """The accounts: one is added, or found."""


class RegistrationTransaction(UserTransaction, Protocol):
    """The transaction of the job."""

    @property
    def users(self) -> NewUserRepository:
        """The accounts."""


@dataclass(frozen=True, slots=True)
class HiddenRegistrationService:
    """Accepts registrations; the answer is the same for every address."""

    write: Begin[UserTransaction]
    read: Begin[UserView]
    hasher: PasswordHasher
    rules: PasswordRules
    calendar: Calendar
    cipher: AddressCipher
    new_id: NewId

    async def request(self, profile: Profile, password: str) -> None:
        """Enqueue the registration; raises as `UserService.register`, but never EmailTaken."""
        self.calendar.check_born(
            profile.get("date_of_birth"), profile.get("time_zone"), BIRTH_POINTERS
        )
        profile = checked_names(profile)
        username = profile.get("username")
        if username is not None:
            async with self.read() as view:
                if await view.users.find_by_login(username) is not None:
                    raise UsernameTaken
        names = profile["email"], username, profile.get("full_name")
        password_hash = await hash_new(self.hasher, self.rules, password, names)
        sealed = self.cipher.seal(_encoded(profile, password_hash))
        async with answered(self.write) as tx:
            await tx.jobs.add(NewJob(id=self.new_id(), kind=REGISTER, data={"account": sealed}))


@dataclass(frozen=True, slots=True)
class SealedAccount:
    """The payload of `email.register`."""

    sealed: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RegisterAccount(JobKind[SealedAccount, RegistrationTransaction]):
    """`email.register`: makes the account, or notifies the owner of its address.

    A username that was taken meanwhile fails the first attempt, and is left out by the next.
    """

    mail: RegistrationMail
    cipher: AddressCipher
    clock: Clock
    new_id: NewId
    birthdays_changed: Callable[[], Awaitable[None]]
    name = REGISTER
    audience = Audience.INTERNAL
    timeout = TIMEOUT_S

    def read(self, data: Mapping[str, object]) -> SealedAccount:
        require_only(data, {"account"})
        return SealedAccount(read_text(data, "account", longest=MAX_SEALED_CHARS))

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return {**data, "account": MASK}

    async def run(
        self, job: JobContext[SealedAccount], complete: Completion[RegistrationTransaction]
    ) -> None:
        profile, password_hash = _decoded(self.cipher.open(job.payload.sealed))
        async with complete() as tx:
            owner = await find_owner(tx.users, profile["email"])
            if owner is not None:
                template = MailTemplate.ADDRESS_IN_USE
                await tx.jobs.add(account_mail(self.new_id(), owner.id, template))
                return
            await self._register(tx, profile, password_hash)
        await self.birthdays_changed()

    async def _register(
        self, tx: RegistrationTransaction, profile: Profile, password_hash: str
    ) -> None:
        username, now = profile.get("username"), self.clock()
        if username is not None and await tx.users.find_by_login(username) is not None:
            profile = {**profile, "username": None}
        user = User(
            id=UserId(self.new_id()),
            password_hash=password_hash,
            created_at=now,
            updated_at=now,
            **profile,
        )
        await tx.users.add(user)
        await self.mail.add(tx, user)
        await record_registration(tx.audit, user, None)


def _encoded(profile: Profile, password_hash: str) -> str:
    born = profile.get("date_of_birth")
    document = {**profile, "date_of_birth": born and born.isoformat()}
    return json.dumps([document, password_hash])


def _decoded(text: str) -> tuple[Profile, str]:
    document, password_hash = json.loads(text)
    born = document["date_of_birth"]
    profile: Any = {**document, "date_of_birth": born and date.fromisoformat(born)}
    return profile, password_hash
