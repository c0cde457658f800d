"""Who is greeted when, and what is planned for it."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jubilee.domain.birthdays import Birth
from jubilee.domain.calendar import LeapDayRule, local_instant, zone_names
from jubilee.domain.errors import Unavailable
from jubilee.domain.greetings import planning
from jubilee.domain.greetings.greeting import GreetingRules, GreetingState, NotSentReason
from jubilee.domain.greetings.planning import BATCH, DueMoment, PlanningSpan
from jubilee.domain.jobs.queue import NewJob
from tests.domain.birthday_service import a_service
from tests.domain.greeting_work import Work
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
def work(store: FakeStore) -> Work:
    return Work(store)


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
def test_an_hour_is_the_first_of_two_or_the_next_that_there_is(
    day: str, hour: int, zone: str, expected: str
) -> None:
    instant = local_instant(date.fromisoformat(day), hour, zone)
    assert instant == datetime.fromisoformat(expected)


@given(
    st.dates(date(1975, 1, 1), date(2037, 12, 31)),
    st.integers(0, 23),
    st.sampled_from(sorted(zone_names())),
)
def test_no_clock_shows_the_hour_any_earlier(day: date, hour: int, zone: str) -> None:
    instant = local_instant(day, hour, zone)
    shown = [t.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for t in (instant - SECOND, instant)]
    assert shown[0] < datetime.combine(day, time(hour)) <= shown[1]


@given(st.lists(st.integers(0, 100), min_size=2, max_size=12), st.integers(0, 100))
def test_however_time_is_cut_into_spans_everybody_is_seen_to(
    cuts: Sequence[int], moment: int
) -> None:
    """Nobody is left out, and nobody whose time was seen by one planner is missed by the next."""
    birthday = DueMoment(NOON + moment * HOUR, NOON + (moment + 15) * HOUR)
    times = [NOON + cut * HOUR for cut in sorted(cuts)]
    verdicts = [PlanningSpan(since, now).state_for(birthday) for since, now in pairwise(times)]
    inside = times[0] < birthday.moment <= times[-1]
    assert any(verdicts) or not inside
    first = next((i for i, verdict in enumerate(verdicts) if verdict), None)
    if first is not None and inside:
        late = times[first + 1] - birthday.moment
        assert (verdicts[first] is SKIPPED) == (late >= DAY)


async def test_everybody_is_planned_at_the_hour_of_their_own_day(work: Work) -> None:
    east = await work.born(BORN, "Pacific/Kiritimati")
    west = await work.born(BORN, "Pacific/Pago_Pago")
    home = await work.born(BORN)
    unknown = await work.born(BORN, "Moon/Tycho")
    moments = {
        datetime(2026, 11, 19, 19, 0, tzinfo=UTC): [east],
        datetime(2026, 11, 20, 9, 0, tzinfo=UTC): [home, unknown],
        datetime(2026, 11, 20, 20, 0, tzinfo=UTC): [west],
    }
    for moment, people in moments.items():
        assert await work.plan(moment - MINUTE) == 0
        assert await work.plan(moment) == len(people)
        assert {work.greeting(one).due_at for one in people} == {moment}


async def test_a_greeting_and_its_job_are_planned_once(work: Work) -> None:
    zoe = await work.born(BORN)
    for minutes in range(0, 300, 7):
        await work.plan(NOON + minutes * MINUTE)
    (job,) = work.store.jobs
    assert job == NewJob(
        id=job.id,
        kind="email.greeting",
        data={"user_id": str(zoe), "year": 2026},
        owner_id=zoe,
        key=f"greeting:{zoe}:2026-11-20",
        max_attempts=32,
    )
    assert work.states() == [PLANNED]


@pytest.mark.parametrize(
    ("rule", "year", "expected"),
    [
        (LeapDayRule.MAR1, 2027, date(2027, 3, 1)),
        (LeapDayRule.FEB28, 2027, date(2027, 2, 28)),
        (LeapDayRule.MAR1, 2028, date(2028, 2, 29)),
        (LeapDayRule.FEB28, 2028, date(2028, 2, 29)),
    ],
)
async def test_the_leap_day_goes_by_its_rule(
    work: Work, rule: LeapDayRule, year: int, expected: date
) -> None:
    work.rules = GreetingRules(leap_day=rule)
    leapling = await work.born(date(2000, 2, 29))
    for day in range(8):
        await work.plan(datetime(year, 2, 25, 10, tzinfo=UTC) + day * DAY)
    assert work.greeting(leapling, year).due_on == expected
    assert len(work.store.jobs) == 1


async def test_nobody_is_greeted_who_does_not_want_it_or_is_no_account(work: Work) -> None:
    await work.born(BORN, birthday_greeting=False)
    await work.born(BORN, is_active=False)
    await work.born(date(2026, 11, 20))
    await a_service(work.store).save("Stranger", Birth(BORN), by=None)
    assert await work.plan(NOON) == 0
    assert (work.store.jobs, work.states()) == ([], [])


async def test_whoever_is_new_to_the_day_is_greeted_while_it_lasts(work: Work) -> None:
    await work.plan(NOON)
    await work.born(BORN)
    assert await work.plan(NOON + HOUR) == 1
    await work.born(BORN)
    assert await work.plan(NOON + 13 * HOUR) == 0


async def test_what_was_missed_is_caught_up_for_a_day_then_skipped_and_counted(work: Work) -> None:
    await work.plan(NOON)
    caught_up = await work.born(date(1990, 11, 23))
    skipped = [await work.born(date(1990, 11, day)) for day in (21, 22)]
    assert await work.plan(datetime(2026, 11, 24, 8, 0, tzinfo=UTC)) == 1
    assert work.greeting(caught_up).state is PLANNED
    assert {work.greeting(one).reason for one in skipped} == {NotSentReason.LATE}
    states = [greeting.state for greeting in work.store.greetings.rows.values()]
    assert (states.count(PLANNED), states.count(SKIPPED)) == (1, 2)
    assert await work.plan(datetime(2026, 11, 24, 8, 30, tzinfo=UTC)) == 0


async def test_the_very_first_start_greets_nobody_for_yesterday(work: Work) -> None:
    await work.born(BORN - DAY)
    today = await work.born(BORN)
    assert await work.plan(NOON) == 1
    assert [key.user_id for key in work.store.greetings.rows] == [today]


async def test_years_of_silence_are_not_gone_through(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "MAX_GAP", 20 * DAY)
    for days in (0, 10, 30):
        await work.born(BORN - days * DAY)
    await work.plan(NOON - 3000 * DAY)
    assert await work.plan(NOON) == 1
    assert Counter(work.states()) == {PLANNED: 1, SKIPPED: 1}


async def test_who_was_greeted_is_not_greeted_again_under_another_date(work: Work) -> None:
    zoe = await work.born(BORN)
    await work.plan(NOON)
    await work.send(zoe)
    await work.change(zoe, date_of_birth=BORN + DAY)
    assert await work.plan(NOON + DAY) == 0


async def test_who_was_skipped_is_planned_anew_for_another_day(work: Work) -> None:
    zoe = await work.born(BORN)
    await work.plan(NOON - 5 * DAY)
    await work.plan(NOON + 3 * DAY)
    assert work.greeting(zoe).state is SKIPPED
    await work.change(zoe, date_of_birth=BORN + 4 * DAY)
    assert await work.plan(NOON + 4 * DAY) == 1
    assert work.greeting(zoe).state is PLANNED
    assert [job.key for job in work.store.jobs] == [f"greeting:{zoe}:2026-11-24"]


async def test_many_people_are_planned_in_batches(work: Work) -> None:
    people = [await work.born(BORN, name=None) for _ in range(2 * BATCH + 1)]
    assert await work.plan(NOON) == len(people)
    assert len({job.key for job in work.store.jobs}) == len(people)


async def test_a_planner_that_is_stopped_half_way_leaves_the_rest_to_the_next(work: Work) -> None:
    await work.plan(NOON - 2 * DAY)
    for _ in range(BATCH + 5):
        await work.born(BORN - DAY)
    add, calls = FakeGreetings.add, iter(range(9))

    async def once(*args: object, **more: object) -> object:
        if next(calls):
            raise ConnectionResetError
        return await add(*args, **more)  # type: ignore[arg-type]  # whatever it was given

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeGreetings, "add", once)
        with pytest.raises(Unavailable):
            await work.plan(NOON - 12 * HOUR + MINUTE)
    assert await work.plan(NOON - 4 * HOUR) == 5
    assert len(work.states()) == BATCH + 5


async def test_what_another_has_just_planned_is_not_planned_again(work: Work) -> None:
    await work.plan(NOON)
    await work.born(BORN)
    assert await work.plan(NOON + MINUTE / 2) == 0
    assert await work.plan(NOON + MINUTE) == 1


async def test_a_clock_that_ran_ahead_does_not_stop_the_others(work: Work) -> None:
    await work.plan(NOON + 40 * DAY)
    await work.born(BORN)
    assert await work.plan(NOON) == 1


async def test_an_account_that_goes_takes_its_greeting_along(work: Work) -> None:
    zoe = await work.born(BORN)
    await work.plan(NOON)
    async with work.store.transaction() as tx:
        await tx.users.delete(zoe)
    assert (work.states(), work.store.jobs) == ([], [])
