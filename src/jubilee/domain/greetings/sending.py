"""Sending greetings: the state `sending` is committed before the mail server is contacted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from jubilee.domain.calendar import celebration_in
from jubilee.domain.clock import Clock
from jubilee.domain.errors import Unavailable
from jubilee.domain.greetings.greeting import (
    GreetingKey,
    GreetingRules,
    GreetingState,
    GreetingTransaction,
    NotSentReason,
    PlannedGreeting,
    UnknownOutcomePolicy,
)
from jubilee.domain.greetings.opt_out import OptOutTokens
from jubilee.domain.greetings.planning import CATCH_UP, GREETING
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.kinds import (
    Audience,
    Completion,
    InvalidPayload,
    JobContext,
    JobKind,
    PermanentFailure,
)
from jubilee.domain.jobs.payload import invalid_payload, read_text, require_only
from jubilee.domain.mail import TIMEOUT_S, MailService, OutcomeUnknown, RenderedMail, display_name
from jubilee.domain.transaction import Begin
from jubilee.domain.users.user import User

UNSUBSCRIBE = "/account/unsubscribe"
OPEN = (GreetingState.PLANNED, GreetingState.SENDING)


@dataclass(frozen=True, slots=True)
class PreparedGreeting:
    """A rendered greeting, ready to be sent."""

    greeting: PlannedGreeting
    to: str
    content: RenderedMail = field(repr=False)
    message_id: str
    unsubscribe_url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class GreetingMail(JobKind[GreetingKey, GreetingTransaction]):
    """`email.greeting`: sends at most one greeting per account and year.

    If an attempt finds its greeting in state `sending`, it cannot know whether it was sent.
    """

    mail: MailService
    write: Begin[GreetingTransaction]
    rules: GreetingRules
    clock: Clock
    opt_out: OptOutTokens
    name = GREETING
    audience = Audience.INTERNAL
    timeout = TIMEOUT_S

    def read(self, data: Mapping[str, object]) -> GreetingKey:
        require_only(data, {"user_id", "year"})
        year = data.get("year")
        if not isinstance(year, int) or isinstance(year, bool):
            raise invalid_payload("must be a year", "year")
        try:
            return GreetingKey(UserId(UUID(read_text(data, "user_id", longest=36))), year)
        except ValueError:
            raise invalid_payload("must be a UUID", "user_id") from None

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    async def run(
        self, job: JobContext[GreetingKey], complete: Completion[GreetingTransaction]
    ) -> None:
        prepared = await self._prepare(job.payload)
        if prepared is None:
            return
        ended = await self._sent(prepared) if isinstance(prepared, PreparedGreeting) else prepared
        async with complete(_summary(ended)) as tx:
            await tx.greetings.save(ended)

    async def close(self, data: Mapping[str, object], tx: GreetingTransaction) -> None:
        """Mark an unsent greeting as skipped, one that may have been sent as uncertain."""
        try:
            known = await tx.greetings.lock(self.read(data))
        except InvalidPayload:
            return
        if known is None or known.state not in OPEN:
            return
        uncertain = replace(known, state=GreetingState.UNCERTAIN)
        skipped = replace(known, state=GreetingState.SKIPPED, reason=NotSentReason.UNWANTED)
        sending = known.state is GreetingState.SENDING
        await tx.greetings.save(uncertain if sending else skipped)

    async def _prepare(self, key: GreetingKey) -> PreparedGreeting | PlannedGreeting | None:
        """Return the greeting to send, or how it ends unsent, or None if it has ended before."""
        async with self.write() as tx:
            known = await tx.greetings.lock(key)
            if known is None or known.state not in OPEN:
                return None
            user = await tx.users.get(key.user_id)
            end = self._end(known, user)
            if end is not None:
                return end
            prepared = self._prepared(known, user)
            await tx.greetings.save(prepared.greeting)
        return prepared

    async def _sent(self, prepared: PreparedGreeting) -> PlannedGreeting:
        greeting = prepared.greeting
        try:
            await self.mail.send(
                prepared.to,
                prepared.content,
                prepared.message_id,
                unsubscribe_url=prepared.unsubscribe_url,
            )
        except OutcomeUnknown:
            if self.rules.on_unknown is UnknownOutcomePolicy.RESEND:
                raise
            return replace(greeting, state=GreetingState.UNCERTAIN)
        except PermanentFailure:
            return replace(greeting, state=GreetingState.SKIPPED, reason=NotSentReason.REFUSED)
        except Unavailable:
            await self._give_back(greeting.key)
            raise
        return replace(greeting, state=GreetingState.SENT, sent_at=self.clock())

    async def _give_back(self, key: GreetingKey) -> None:
        """Reset the state after a send that surely failed, so that the next attempt retries."""
        async with self.write() as tx:
            known = await tx.greetings.lock(key)
            if known is not None and known.state is GreetingState.SENDING:
                await tx.greetings.save(replace(known, state=GreetingState.PLANNED))

    def _end(self, known: PlannedGreeting, user: User) -> PlannedGreeting | None:
        """Return how the greeting ends without being sent, or None to send it."""
        reason = self._obstacle(known, user)
        if known.state is GreetingState.SENDING:
            park = reason is not None or self.rules.on_unknown is UnknownOutcomePolicy.PARK
            return replace(known, state=GreetingState.UNCERTAIN) if park else None
        if reason is None:
            return None
        return replace(known, state=GreetingState.SKIPPED, reason=reason)

    def _obstacle(self, known: PlannedGreeting, user: User) -> NotSentReason | None:
        born = user.date_of_birth
        if not (user.is_active and user.birthday_greeting and born):
            return NotSentReason.UNWANTED
        if celebration_in(born, known.key.year, self.rules.leap_day) != known.due_on:
            return NotSentReason.UNWANTED
        return NotSentReason.LATE if self.clock() >= known.due_at + CATCH_UP else None

    def _prepared(self, known: PlannedGreeting, user: User) -> PreparedGreeting:
        user_id, year = known.key
        message_id = known.message_id or self.mail.message_id(f"greeting.{user_id}.{year}")
        url = self.mail.page(UNSUBSCRIBE, self.opt_out.sign(user_id))
        values = {"name": display_name(user), "unsubscribe_url": url}
        content = self.mail.templates.render("birthday", user.locale, **values)
        sending = replace(known, state=GreetingState.SENDING, message_id=message_id)
        return PreparedGreeting(sending, user.email, content, message_id, url)


def _summary(greeting: PlannedGreeting) -> dict[str, object]:
    reason = {} if greeting.reason is None else {"reason": greeting.reason.value}
    return {"state": greeting.state.value, "message_id": greeting.message_id, **reason}
