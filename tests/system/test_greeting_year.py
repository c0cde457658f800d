"""A simulated year with killed workers: each account is greeted once, on its own day."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.domain.calendar import LeapDayRule, celebration_in
from jubilee.domain.greetings.greeting import GreetingRules, UnknownOutcomePolicy
from jubilee.domain.identity import UserId
from jubilee.domain.users.user import User
from tests.fakes.store import FakeClock
from tests.system.greeting_world import IMMORTAL, GreetingSimulation, Lifetime, Sent, state_of

ZONES = (
    None,
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Etc/GMT+12",
    "America/New_York",
    "America/St_Johns",
    "Pacific/Apia",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Europe/Vienna",
    "Moon/Tycho",
)
HOME = "Atlantic/Azores"
HOUR = timedelta(hours=1)
BIRTHDAY = datetime(2026, 11, 20, 9, tzinfo=UTC)
PEOPLE = 180
OTHER_DAYS = ("01-17", "02-05", "05-20", "07-04", "08-14", "11-20")
NEAR = timedelta(days=2)  # of a celebrated day, which is over in all zones after one
PARK = GreetingRules()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[ConnectionPool]:
    pool = ConnectionPool(database_url, size=8, timeout=60)
    yield pool
    await pool.close()


def random_user(chance: Random, **more: object) -> User:
    """Return a user born on 29 February, near a clock change or new year, or on another day."""
    around = chance.choice(["02-28", "03-08", "03-29", "04-05", "10-04", "10-25", "11-01", "12-31"])
    near = date.fromisoformat(f"1988-{around}") + timedelta(days=chance.randint(-1, 1))
    leapling = date(chance.randrange(1904, 2025, 4), 2, 29)
    other = date.fromisoformat(f"{chance.randrange(1950, 2019)}-{chance.choice(OTHER_DAYS)}")
    user_id = UserId(new_id())
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    given = {
        "email": f"{user_id}@example.com",
        "created_at": long_ago,
        "updated_at": long_ago,
        "time_zone": chance.choice(ZONES),
        "date_of_birth": chance.choice([near, leapling, other]),
    }
    return User(id=user_id, **{**given, **more})  # type: ignore[arg-type]  # the test says which


def celebrated(people: Iterable[User], year: int, rules: GreetingRules) -> set[date]:
    """Return the days of this year and of those beside it on which one of them has a birthday."""
    born = {user.date_of_birth for user in people if user.date_of_birth is not None}
    years = range(year - 1, year + 2)
    return {celebration_in(day, each, rules.leap_day) for day in born for each in years}


def steps(chance: Random, year: int, days: Collection[date]) -> Iterator[datetime]:
    """Iterate from the first to the last instant of the year in any zone.

    The steps are uneven near these days, and of two days elsewhere, where nothing is due.
    """
    now = datetime(year - 1, 12, 31, 9, 0, tzinfo=UTC)
    while now < datetime(year + 1, 1, 1, 13, 0, tzinfo=UTC):
        yield now
        is_near = any(abs(now.date() - day) <= NEAR for day in days)
        now += HOUR * (chance.choice([1 / 3, 2, 8, 12, 12, 12]) if is_near else 48)


def lifetimes(chance: Random) -> list[Lifetime]:
    """Return the lifetimes of one or several workers, of which every third is short."""
    number = chance.choice([1, 1, 1, 4])
    return [
        Lifetime(chance.choice([IMMORTAL, IMMORTAL, chance.randrange(40)])) for _ in range(number)
    ]


def check_day(sent: Sent, user: User, rules: GreetingRules) -> None:
    """Check that a message was sent on the account's local day, not before the hour."""
    zone = ZoneInfo(rules.zone(user.time_zone))
    local = sent.at.astimezone(zone)
    assert user.date_of_birth is not None
    assert local.date() == celebration_in(user.date_of_birth, local.year, rules.leap_day), user
    assert local.hour >= rules.hour, user


@pytest.mark.untraced
@pytest.mark.parametrize(
    ("year", "rules"),
    [
        (2028, GreetingRules(default_zone=HOME)),
        (
            2027,
            GreetingRules(
                default_zone=HOME,
                leap_day=LeapDayRule.FEB28,
                on_unknown=UnknownOutcomePolicy.RESEND,
            ),
        ),
    ],
    ids=["a leap year", "a common year"],
)
async def test_each_account_is_greeted_once_in_a_year(
    pool: ConnectionPool, year: int, rules: GreetingRules
) -> None:
    chance = Random(year)
    clock = FakeClock()
    simulation = GreetingSimulation(pool, rules, clock)
    people = {user.id: user for user in (random_user(chance) for _ in range(PEOPLE))}
    await simulation.add(*people.values())
    await simulation.add(*(random_user(chance, birthday_greeting=False) for _ in range(30)))
    await simulation.add(*(random_user(chance, is_active=False) for _ in range(30)))
    for clock.now in steps(chance, year, celebrated(people.values(), year, rules)):
        await simulation.run_until_idle(lifetimes(chance))
    rows = [row for row in await simulation.rows() if row["year"] == year]
    assert {row["user_id"] for row in rows} == people.keys()
    to = {user.email: user for user in people.values()}
    for sent in simulation.sent:
        check_day(sent, to[sent.message.to], rules)
    check_counts(simulation, state_of(rows), people, year)


def check_counts(
    simulation: GreetingSimulation, states: dict[UserId, str], people: dict[UserId, User], year: int
) -> None:
    """Check that exactly the workers killed after sending left uncertain greetings."""
    in_year = [one.message for one in simulation.sent if f".{year}@" in one.message.message_id]
    each = Counter(message.to for message in in_year)
    assert len({message.message_id for message in in_year}) == len(each)
    if simulation.rules.on_unknown is UnknownOutcomePolicy.RESEND:
        assert set(states.values()) == {"sent"}
        assert each.keys() == {user.email for user in people.values()}
        return
    assert set(each.values()) == {1}
    assert set(states.values()) == {"sent", "uncertain"}
    sent = {people[user_id].email for user_id, state in states.items() if state == "sent"}
    assert sent <= each.keys()
    assert list(states.values()).count("uncertain") < PEOPLE / 3


async def early(pool: ConnectionPool, rules: GreetingRules = PARK) -> GreetingSimulation:
    """A simulation with five people who are due in two hours."""
    simulation = GreetingSimulation(pool, rules, FakeClock(BIRTHDAY - 2 * HOUR))
    chance, born = Random(1), date(1990, 11, 20)
    people = [random_user(chance, date_of_birth=born, time_zone=None) for _ in range(5)]
    await simulation.add(*people)
    await simulation.run_until_idle([Lifetime()])
    assert simulation.sent == []
    return simulation


async def test_five_workers_catch_up_after_a_day_without_workers(pool: ConnectionPool) -> None:
    simulation = await early(pool)
    simulation.clock.tick(hours=25)
    await simulation.run_until_idle([Lifetime() for _ in range(5)])
    assert Counter(state_of(await simulation.rows()).values()) == {"sent": 5}
    assert len({sent.message.to for sent in simulation.sent}) == len(simulation.sent) == 5


async def test_a_greeting_is_skipped_after_three_days_without_workers(pool: ConnectionPool) -> None:
    simulation = await early(pool)
    simulation.clock.tick(hours=72)
    await simulation.run_until_idle([Lifetime() for _ in range(5)])
    rows = await simulation.rows()
    assert [(row["state"], row["reason"]) for row in rows] == [("skipped", "late")] * 5
    assert simulation.sent == []


@pytest.mark.parametrize(
    ("wish", "state", "messages"),
    [(UnknownOutcomePolicy.PARK, "uncertain", 1), (UnknownOutcomePolicy.RESEND, "sent", 2)],
)
async def test_a_worker_killed_after_sending_leaves_an_unknown_outcome(
    pool: ConnectionPool, wish: UnknownOutcomePolicy, state: str, messages: int
) -> None:
    simulation = await early(pool, GreetingRules(on_unknown=wish))
    simulation.clock.tick(hours=2)
    simulation.deadly_messages = 1
    await simulation.run_until_idle([Lifetime()])
    states = Counter(state_of(await simulation.rows()).values())
    assert states == Counter({"sent": 4}) + Counter({state: 1})
    each = Counter(sent.message.message_id for sent in simulation.sent)
    assert sorted(each.values()) == [1, 1, 1, 1, messages]
