"""Every step of every flow of accounts is repeated, raced, skipped, forged, and swapped.

No attack may take an account over, open a session without the second factor of the account, or give
it more rights; a refused request changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import combinations
from typing import TypeAlias

import pytest
from httpx2 import Response

from tests.attacks.actors import Actor, World
from tests.attacks.flow import MADE_UP, Flow, Missing, Parts, Repetition, Step
from tests.attacks.flows import factors, leaving, mails, programs, providers, staff

AREAS = (mails, factors, programs, providers, staff, leaving)
FLOWS = [flow for area in AREAS for flow in area.FLOWS]
AT_ONCE = 10
PUBLIC = {"email", "new_email", "name", "challenge", "provider_code"}
"""Values that are no secrets: they are not tried in place of others."""

Cast: TypeAlias = list[tuple[Actor, Parts]]
Vary: TypeAlias = Callable[[Step, Cast], list[Parts]]

pytestmark = [
    pytest.mark.untraced,
    pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name, indirect=True),
]


@asynccontextmanager
async def unchanged(*actors: Actor) -> AsyncIterator[None]:
    """Expect that the accounts of the actors stay as they are."""
    before = [await actor.rows() for actor in actors]
    yield
    assert [await actor.rows() for actor in actors] == before


def refused(step: Step, answer: Response) -> None:
    assert 400 <= answer.status_code < 500, (step.name, answer.status_code, answer.text)
    assert '"access_token"' not in answer.text
    assert '"mfa_token"' not in answer.text


async def test_a_repeated_step_has_one_effect(world: World, flow: Flow) -> None:
    for step in flow.steps:
        actor = await flow.actor(world)
        parts = await flow.until(actor, step)
        begun = await actor.rows()
        assert (await step.send(parts, actor)).status_code == step.status, step.name
        if step.repetition is Repetition.AGAIN:
            assert (await step.send(parts, actor)).status_code == step.status, step.name
        elif step.repetition is Repetition.SAME:
            async with unchanged(actor):
                assert (await step.send(parts, actor)).status_code == step.status, step.name
        else:
            async with unchanged(actor):
                refused(step, await step.send(parts, actor))
        assert (await actor.rows()).sessions_without_factor(begun) == []


async def test_of_ten_at_once_one_has_the_effect(world: World, flow: Flow) -> None:
    for step in flow.steps:
        alone, actor = await flow.actor(world), await flow.actor(world)
        await step.send(await flow.until(alone, step), alone)
        parts = await flow.until(actor, step)
        begun = await actor.rows()
        answers = await asyncio.gather(*(step.send(parts, actor) for _ in range(AT_ONCE)))
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses[-1] < 500, (step.name, statuses)
        rows, control = await actor.rows(), await alone.rows()
        assert rows.sessions_without_factor(begun) == []
        assert rows.rights == control.rights
        if step.repetition is Repetition.AGAIN:
            continue
        assert rows.counts == control.counts, (step.name, statuses)
        expected = [1] if step.repetition is Repetition.REFUSED else range(1, AT_ONCE + 1)
        assert statuses.count(step.status) in expected, (step.name, statuses)


async def test_a_step_is_refused_without_those_that_it_needs(world: World, flow: Flow) -> None:
    for step, skipped in pairs(flow):
        actor = await flow.actor(world)
        for earlier in flow.steps[: flow.steps.index(step)]:
            if earlier is not skipped:
                await attempt(earlier, actor)
        is_missing = await complete(step, actor)
        if not is_missing and skipped.name not in step.needs:
            continue
        async with unchanged(actor):
            refused(step, await step.send(step.parts(actor), actor))


def pairs(flow: Flow) -> Iterator[tuple[Step, Step]]:
    """Yield each step with each of those before it."""
    for number, step in enumerate(flow.steps):
        yield from ((step, skipped) for skipped in flow.steps[:number])


async def attempt(step: Step, actor: Actor) -> None:
    """Do a step as far as that is possible."""
    try:
        answer = await step.send(await step.prepare(actor), actor)
    except Missing:
        return
    if answer.status_code == step.status:
        step.keep(actor, answer)


async def complete(step: Step, actor: Actor) -> bool:
    """Make up what is missing of a request; return whether it was something."""
    try:
        await step.prepare(actor)
    except Missing:
        for name in step.names:
            actor.values.setdefault(name, {"challenge": MADE_UP} if name in step.uses else MADE_UP)
        return True
    return False


async def test_no_other_value_stands_for_the_right_one(world: World, flow: Flow) -> None:
    for step in flow.steps:
        await expect_refusals(world, flow, step, forgeries, 1)


async def test_what_belongs_to_two_users_does_not_mix(world: World, flow: Flow) -> None:
    for step in flow.steps:
        await expect_refusals(world, flow, step, mixtures, 2)


def forgeries(step: Step, cast: Cast) -> list[Parts]:
    """Return the request with each other value that its actor knows in place of each right one."""
    [(actor, parts)], found = cast, []
    for name in step.names:
        accepted = {name, *step.also.get(name, ()), *actor.world.staff}
        right = [actor.values[one] for one in accepted if one in actor.values]
        known = [value for other, value in actor.values.items() if other not in PUBLIC]
        others = [value for value in known if type(value) is type(parts[name])]
        others += [MADE_UP] if isinstance(parts[name], str) else []
        found += [{**parts, name: value} for value in others if value not in right]
    return found


def mixtures(step: Step, cast: Cast) -> list[Parts]:
    """Return every request that is made of parts of both actors."""
    [(_, one), (_, other)] = cast
    bound = [*step.names, *["client"] * step.cookies]
    names = [name for name in bound if one[name] != other[name] and name not in step.unbound]
    chosen = [part for count in range(1, len(names)) for part in combinations(names, count)]
    return [{**other, **{name: one[name] for name in part}} for part in chosen]


async def expect_refusals(world: World, flow: Flow, step: Step, vary: Vary, count: int) -> None:
    """Expect that each variant of a request is refused, and that the right ones still work."""
    cast = await before(world, flow, step, count)
    for number in range(len(vary(step, cast))):
        async with unchanged(*(actor for actor, _ in cast)):
            refused(step, await step.send(vary(step, cast)[number], cast[-1][0]))
        if step.fragile:
            cast = await before(world, flow, step, count)
    for actor, parts in cast:
        answer = await step.send(parts, actor)
        assert answer.status_code == step.status, (step.name, answer.text)


async def before(world: World, flow: Flow, step: Step, count: int) -> Cast:
    """Return so many new actors that have come to this step, with the parts of their requests."""
    cast = []
    for _ in range(count):
        actor = await flow.actor(world)
        cast.append((actor, await flow.until(actor, step)))
    return cast
