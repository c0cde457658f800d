"""Planning greetings: who is greeted, and at what instant."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jubilee.domain.birthday import Birth
from jubilee.domain.calendar import LeapDayRule, local_instant, zone_names
from jubilee.domain.errors import Unavailable
from jubilee.domain.greetings import planning
from jubilee.domain.greetings.greeting import GreetingRules, GreetingState, NotSentReason
from jubilee.domain.greetings.planning import BATCH_SIZE, DueMoment, PlanningSpan
from jubilee.domain.jobs.queue import NewJob
from tests.domain.birthday_service import make_birthday_service
from tests.domain.greeting_harness import GreetingHarness
from tests.fakes.greetings import FakeGreetings
from tests.fakes.store import FakeStore

BORN = date(1990, 11, 20)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PLANNED, SKIPPED = GreetingState.PLANNED, GreetingState.SKIPPED


@pytest.fixture
def harness(store: FakeStore) -> GreetingHarness:
    return GreetingHarness(store)


@pytest.mark.parametrize(
    ("day", "hour", "zone", "expected"),
    [
        ("2026-07-01", 9, "Europe/Vienna", "2026-07-01T07:00Z"),
        ("2026-03-08", 2, "America/New_York", "2026-03-08T07:00Z"),  # there is no 02:00
        ("2026-11-01", 1, "America/New_York", "2026-11-01T05:00Z"),  # there are two 01:00
        ("2026-10-04", 2, "Australia/Lord_Howe", "2026-10-03T15:30Z"),  # half an hour is missing
        ("2026-03-29", 2, "Antarctica/Troll", "2026-03-29T01:00Z"),  # two hours are
        ("2011-12-30", 9, "Pacific/Apia", "2011-12-30T10:00Z"),  # the day that never was
    ],
)
def test_a_local_hour_is_the_first_of_two_or_the_next_existing_one(
    day: str, hour: int, zone: str, expected: str
) -> None:
    instant = local_instant(date.fromisoformat(day), hour, zone)
    assert instant == datetime.fromisoformat(expected)


@given(
    st.dates(date(1975, 1, 1), date(2037, 12, 31)),
    st.integers(0, 23),
    st.sampled_from(sorted(zone_names())),
)
def test_local_instant_is_the_first_second_at_or_after_the_hour(
    day: date, hour: int, zone: str
) -> None:
    instant = local_instant(day, hour, zone)
    clocks = [
        t.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for t in (instant - SECOND, instant)
    ]
    assert clocks[0] < datetime.combine(day, time(hour)) <= clocks[1]


@given(st.lists(st.integers(0, 100), min_size=2, max_size=12), st.integers(0, 100))
def test_consecutive_planning_spans_leave_no_birthday_out(cuts: Sequence[int], moment: int) -> None:
    """Exactly the first span that contains the moment plans it, however time is cut."""
    birthday = DueMoment(NOON + moment * HOUR, NOON + (moment + 15) * HOUR)
    times = [NOON + cut * HOUR for cut in sorted(cuts)]
    states = [PlanningSpan(since, now).state_for(birthday) for since, now in pairwise(times)]
    inside = times[0] < birthday.moment <= times[-1]
    assert any(states) or not inside
    first = next((i for i, state in enumerate(states) if state), None)
    if first is not None and inside:
        late = times[first + 1] - birthday.moment
        assert (states[first] is SKIPPED) == (late >= DAY)


async def test_greetings_are_planned_at_the_hour_in_each_persons_time_zone(
    harness: GreetingHarness,
) -> None:
    east = await harness.add_person(BORN, "Pacific/Kiritimati")
    west = await harness.add_person(BORN, "Pacific/Pago_Pago")
    home = await harness.add_person(BORN)
    unknown = await harness.add_person(BORN, "Moon/Tycho")
    moments = {
        datetime(2026, 11, 19, 19, 0, tzinfo=UTC): [east],
        datetime(2026, 11, 20, 9, 0, tzinfo=UTC): [home, unknown],
        datetime(2026, 11, 20, 20, 0, tzinfo=UTC): [west],
    }
    for moment, people in moments.items():
        assert await harness.plan(moment - MINUTE) == 0
        assert await harness.plan(moment) == len(people)
        assert {harness.greeting(one).due_at for one in people} == {moment}


async def test_a_greeting_and_its_job_are_planned_once(harness: GreetingHarness) -> None:
    zoe = await harness.add_person(BORN)
    for minutes in range(0, 300, 7):
        await harness.plan(NOON + minutes * MINUTE)
    (job,) = harness.store.jobs
    assert job == NewJob(
        id=job.id,
        kind="email.greeting",
        data={"user_id": str(zoe), "year": 2026},
        owner_id=zoe,
        key=f"greeting:{zoe}:2026-11-20",
        max_attempts=32,
    )
    assert harness.states() == [PLANNED]


@pytest.mark.parametrize(
    ("rule", "year", "expected"),
    [
        (LeapDayRule.MAR1, 2027, date(2027, 3, 1)),
        (LeapDayRule.FEB28, 2027, date(2027, 2, 28)),
        (LeapDayRule.MAR1, 2028, date(2028, 2, 29)),
        (LeapDayRule.FEB28, 2028, date(2028, 2, 29)),
    ],
)
async def test_a_birthday_on_29_february_is_planned_by_the_leap_day_rule(
    harness: GreetingHarness, rule: LeapDayRule, year: int, expected: date
) -> None:
    harness.rules = GreetingRules(leap_day=rule)
    leapling = await harness.add_person(date(2000, 2, 29))
    for day in range(8):
        await harness.plan(datetime(year, 2, 25, 10, tzinfo=UTC) + day * DAY)
    assert harness.greeting(leapling, year).due_on == expected
    assert len(harness.store.jobs) == 1


async def test_opted_out_inactive_unborn_and_anonymous_people_are_not_greeted(
    harness: GreetingHarness,
) -> None:
    await harness.add_person(BORN, birthday_greeting=False)
    await harness.add_person(BORN, is_active=False)
    await harness.add_person(date(2026, 11, 20))
    await make_birthday_service(harness.store).save("Anonymous", Birth(BORN), by=None)
    assert await harness.plan(NOON) == 0
    assert (harness.store.jobs, harness.states()) == ([], [])


async def test_an_account_created_on_its_birthday_is_greeted_within_that_day(
    harness: GreetingHarness,
) -> None:
    await harness.plan(NOON)
    await harness.add_person(BORN)
    assert await harness.plan(NOON + HOUR) == 1
    await harness.add_person(BORN)
    assert await harness.plan(NOON + 13 * HOUR) == 0


async def test_a_missed_greeting_is_caught_up_within_a_day_and_skipped_after(
    harness: GreetingHarness,
) -> None:
    await harness.plan(NOON)
    caught_up = await harness.add_person(date(1990, 11, 23))
    skipped = [await harness.add_person(date(1990, 11, day)) for day in (21, 22)]
    assert await harness.plan(datetime(2026, 11, 24, 8, 0, tzinfo=UTC)) == 1
    assert harness.greeting(caught_up).state is PLANNED
    assert {harness.greeting(one).reason for one in skipped} == {NotSentReason.LATE}
    states = [greeting.state for greeting in harness.store.greetings.rows.values()]
    assert (states.count(PLANNED), states.count(SKIPPED)) == (1, 2)
    assert await harness.plan(datetime(2026, 11, 24, 8, 30, tzinfo=UTC)) == 0


async def test_the_first_run_plans_nothing_for_yesterday(harness: GreetingHarness) -> None:
    await harness.add_person(BORN - DAY)
    today = await harness.add_person(BORN)
    assert await harness.plan(NOON) == 1
    assert [key.user_id for key in harness.store.greetings.rows] == [today]


async def test_the_planner_looks_back_no_further_than_the_maximum_gap(
    harness: GreetingHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "MAX_GAP", 20 * DAY)
    for days in (0, 10, 30):
        await harness.add_person(BORN - days * DAY)
    await harness.plan(NOON - 3000 * DAY)
    assert await harness.plan(NOON) == 1
    assert Counter(harness.states()) == {PLANNED: 1, SKIPPED: 1}


async def test_a_changed_date_of_birth_does_not_plan_a_second_greeting(
    harness: GreetingHarness,
) -> None:
    zoe = await harness.add_person(BORN)
    await harness.plan(NOON)
    await harness.send(zoe)
    await harness.change(zoe, date_of_birth=BORN + DAY)
    assert await harness.plan(NOON + DAY) == 0


async def test_a_skipped_greeting_is_planned_again_for_a_changed_date(
    harness: GreetingHarness,
) -> None:
    zoe = await harness.add_person(BORN)
    await harness.plan(NOON - 5 * DAY)
    await harness.plan(NOON + 3 * DAY)
    assert harness.greeting(zoe).state is SKIPPED
    await harness.change(zoe, date_of_birth=BORN + 4 * DAY)
    assert await harness.plan(NOON + 4 * DAY) == 1
    assert harness.greeting(zoe).state is PLANNED
    assert [job.key for job in harness.store.jobs] == [f"greeting:{zoe}:2026-11-24"]


async def test_a_crowded_day_is_planned_in_batches(harness: GreetingHarness) -> None:
    people = [await harness.add_person(BORN, name=None) for _ in range(2 * BATCH_SIZE + 1)]
    assert await harness.plan(NOON) == len(people)
    assert len({job.key for job in harness.store.jobs}) == len(people)


async def test_an_interrupted_planner_leaves_the_rest_to_its_next_run(
    harness: GreetingHarness,
) -> None:
    await harness.plan(NOON - 2 * DAY)
    for _ in range(BATCH_SIZE + 5):
        await harness.add_person(BORN - DAY)
    add, calls = FakeGreetings.add, iter(range(9))

    async def once(*args: object, **more: object) -> object:
        if next(calls):
            raise ConnectionResetError
        return await add(*args, **more)  # type: ignore[arg-type]  # the arguments as given

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeGreetings, "add", once)
        with pytest.raises(Unavailable):
            await harness.plan(NOON - 12 * HOUR + MINUTE)
    assert await harness.plan(NOON - 4 * HOUR) == 5
    assert len(harness.states()) == BATCH_SIZE + 5


async def test_a_second_run_in_the_same_minute_plans_nothing(harness: GreetingHarness) -> None:
    await harness.plan(NOON)
    await harness.add_person(BORN)
    assert await harness.plan(NOON + MINUTE / 2) == 0
    assert await harness.plan(NOON + MINUTE) == 1


async def test_what_became_due_before_the_loss_is_parked_and_what_did_after_is_greeted(
    harness: GreetingHarness,
) -> None:
    await harness.plan(NOON - 3 * HOUR - MINUTE)  # the moment of the restore: none was due
    early = await harness.add_person(BORN)
    late = await harness.add_person(BORN, "Atlantic/Azores")  # due an hour after the others
    harness.store.clock.now = NOON
    assert await harness.park(NOON - 2 * HOUR - MINUTE) == 1
    assert await harness.plan() == 1
    assert harness.greeting(early).state is GreetingState.UNCERTAIN
    assert harness.greeting(late).state is PLANNED
    await harness.send(early)
    assert harness.mailbox.sent == []


async def test_greetings_that_were_not_sent_yet_are_parked_within_the_same_minute(
    harness: GreetingHarness,
) -> None:
    zoe = await harness.add_person(BORN)
    await harness.plan(NOON)
    assert await harness.park(NOON + SECOND) == 1
    assert harness.greeting(zoe).state is GreetingState.UNCERTAIN
    assert await harness.park(NOON + SECOND) == 0


async def test_planning_continues_after_a_clock_that_ran_ahead(harness: GreetingHarness) -> None:
    await harness.plan(NOON + 40 * DAY)
    await harness.add_person(BORN)
    assert await harness.plan(NOON) == 1


async def test_deleting_an_account_deletes_its_greeting_and_job(harness: GreetingHarness) -> None:
    zoe = await harness.add_person(BORN)
    await harness.plan(NOON)
    async with harness.store.transaction() as tx:
        await tx.users.delete(zoe)
    assert (harness.states(), harness.store.jobs) == ([], [])
