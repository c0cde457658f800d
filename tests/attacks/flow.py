"""A flow is a list of steps, each a request of values that its actor knows by then."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any, TypeAlias

from httpx2 import AsyncClient, Response

from jubilee.domain.users.user import EmailPolicy
from tests.attacks.actors import Actor, World

MADE_UP = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

Parts: TypeAlias = dict[str, Any]
"""Values by name: what the request of a step proves, and `client`, which has the cookies."""


class Repetition(Enum):
    """What a request that is sent again does."""

    REFUSED = auto()
    SAME = auto()
    """It succeeds, and has no effect beyond that of the first."""
    ENDS = auto()
    """It is refused, as the session or token of the request has ended; not if sent at once."""
    AGAIN = auto()
    """It has another effect of its own, such as a second session."""


class Missing(Exception):
    """The actor lacks what the step is made of, as a step before was skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A request, what it needs, and what it gives."""

    name: str
    call: str
    """Method and path, with names of values in braces."""
    by: str | None = None
    """Value that is sent as the bearer token."""
    proofs: tuple[str, ...] | Mapping[str, str] = ()
    """Members of body or query that must be right, by the value that each is sent from."""
    uses: tuple[str, ...] = ()
    """Values that are proofs as well, from which `makes` makes members of the body."""
    makes: Mapping[str, Callable[[Parts], Any]] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    """Members that the caller chooses; `{name}` is a value."""
    form: bool = False
    before: Callable[[Actor], Awaitable[None]] | None = None
    """Finds values, such as the link of a mail."""
    keeps: Mapping[str, str] = field(default_factory=dict)
    """Values, by the member of the answer that has them."""
    after: Callable[[Actor, Response], None] | None = None
    status: int = 200
    repetition: Repetition = Repetition.REFUSED
    needs: frozenset[str] = frozenset()
    """Steps without which it is refused."""
    cookies: bool = False
    """Whether cookies are a proof, too."""
    also: Mapping[str, set[str]] = field(default_factory=dict)
    """Values that are right as well in place of another one."""
    unbound: frozenset[str] = frozenset()
    """Values that belong to no account."""
    fragile: bool = False
    """Whether a refused request uses its right values up."""

    @property
    def members(self) -> Mapping[str, str]:
        """Members by the value that each is sent from."""
        return self.proofs if isinstance(self.proofs, Mapping) else {p: p for p in self.proofs}

    @property
    def names(self) -> list[str]:
        """Values that the request proves something by."""
        in_path = re.findall(r"{(\w+)}", self.call)
        bearer = [self.by] if self.by else []
        return [*dict.fromkeys([*bearer, *in_path, *self.members.values(), *self.uses])]

    def after_steps(self, *needs: str) -> "Step":
        """Return the step as one that needs these."""
        return replace(self, needs=frozenset(needs))

    def parts(self, actor: Actor) -> Parts:
        """Return the parts of the actor's request; raise Missing."""
        if missing := [name for name in self.names if name not in actor.values]:
            raise Missing(self.name, missing)
        return {name: actor.values[name] for name in self.names} | {"client": actor.client}

    async def prepare(self, actor: Actor) -> Parts:
        """Find the values that the request needs; raise Missing."""
        if self.before is not None:
            await self.before(actor)
        return self.parts(actor)

    async def send(self, parts: Parts, actor: Actor) -> Response:
        """Send the request made of these parts, with the actor's own choice of the rest."""
        method, _, path = self.call.partition(" ")
        chosen = {name: _filled(value, actor) for name, value in self.given.items()}
        members = {member: parts[name] for member, name in self.members.items()}
        members |= {member: make(parts) for member, make in self.makes.items()}
        kind = "params" if method == "GET" else "data" if self.form else "json"
        content: dict[str, Any] = {kind: {**chosen, **members}} if chosen or members else {}
        headers = {"Authorization": f"Bearer {parts[self.by]}"} if self.by else {}
        client: AsyncClient = parts["client"]
        return await client.request(method, path.format_map(parts), headers=headers, **content)

    async def run(self, actor: Actor) -> Response:
        """Do the step, and keep what it gives."""
        answer = await self.send(await self.prepare(actor), actor)
        assert answer.status_code == self.status, (self.name, answer.status_code, answer.text)
        self.keep(actor, answer)
        return answer

    def keep(self, actor: Actor, answer: Response) -> None:
        """Keep the values that the answer has."""
        for name, member in self.keeps.items():
            actor.values[name] = answer.json()[member]
        if self.after is not None:
            self.after(actor, answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Steps in their order."""

    name: str
    steps: tuple[Step, ...]
    policy: EmailPolicy = field(default_factory=EmailPolicy)
    registered: bool = True
    """Whether its actor has an account when it begins."""
    begins: Callable[[Actor], Awaitable[None]] | None = None
    """Changes what the actor begins with."""

    async def actor(self, world: World) -> Actor:
        """Return a new actor of this flow."""
        actor = await world.actor(registered=self.registered)
        if self.begins is not None:
            await self.begins(actor)
        return actor

    async def until(self, actor: Actor, step: Step) -> Parts:
        """Do the steps before this one; return the parts of its request."""
        for earlier in self.steps[: self.steps.index(step)]:
            await earlier.run(actor)
        return await step.prepare(actor)


def _filled(value: Any, actor: Actor) -> Any:
    return value.format_map(actor.values) if isinstance(value, str) else value
