"""The statement that lists birthdays by day of celebration, through an index."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    FromClause,
    Integer,
    SmallInteger,
    TableValuedAlias,
    Uuid,
    bindparam,
    column,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.selectable import LateralFromClause

from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.statement import Statement
from jubilee.adapters.postgres.tables import birthdays, users

NEAREST = bindparam("nearest", type_=Integer)
FURTHEST = bindparam("furthest", type_=Integer)
ROWS = bindparam("rows", type_=Integer)


def _celebration_days() -> TableValuedAlias:
    """Build the table of requested days, in order, each with a day of birth celebrated on it."""
    return (
        func.unnest(
            bindparam("days", type_=ARRAY(Date)),
            bindparam("month_days", type_=ARRAY(SmallInteger)),
            bindparam("previous", type_=ARRAY(Date)),
            bindparam("last_ids", type_=ARRAY(Uuid)),
        )
        .table_valued(
            column("day", Date),
            column("month_day", SmallInteger),
            column("previous", Date),
            column("last_id", Uuid),
            with_ordinality="number",
            name="celebration_day",
        )
        .render_derived()
    )


def _people(celebration_day: TableValuedAlias) -> LateralFromClause:
    """Select the birthdays celebrated on the day, in the order of the index."""
    in_order = birthdays.alias("in_order")
    person = _celebrated(celebration_day, in_order)
    return (
        select(person)
        .select_from(in_order.join(person, true()))
        .where(
            in_order.c.month_day == celebration_day.c.month_day,
            in_order.c.id > celebration_day.c.last_id,
        )
        .order_by(in_order.c.id)
        .limit(ROWS)
        .correlate(celebration_day)
        .lateral("person")
    )


def _celebrated(celebration_day: TableValuedAlias, in_order: FromClause) -> LateralFromClause:
    """Select the birthday itself, if its day is in the window in its time zone.

    LIMIT keeps the planner from joining it: it takes these conditions for rarer than they are, and
    would read and sort all birthdays of the day for a page.
    """
    ahead = bindparam("ahead", type_=JSONB)[birthdays.c.time_zone].astext.cast(Integer)
    today = bindparam("today", type_=Date) + func.coalesce(ahead, 0)
    return (
        select(
            birthdays.c.id,
            birthdays.c.name,
            birthdays.c.user_id,
            birthdays.c.date_of_birth,
            (celebration_day.c.day - today).label("days"),
        )
        .select_from(birthdays.outerjoin(users, users.c.id == birthdays.c.user_id))
        .where(
            birthdays.c.id == in_order.c.id,
            birthdays.c.date_of_birth < celebration_day.c.day,
            users.c.is_active.is_not(False),
            (celebration_day.c.day - today).between(NEAREST, FURTHEST),
            (celebration_day.c.previous - today) < NEAREST,
        )
        .limit(literal_column("1"))
        .correlate(celebration_day, in_order)
        .lateral("celebrated")
    )


def _within() -> Statement:
    """Build the page; WITH ORDINALITY keeps the days in order, so the scan ends at the last row."""
    celebration_day = _celebration_days()
    person = _people(celebration_day)
    number = column("number", BigInteger)
    return core_statement(
        select(person, celebration_day.c.day)
        .select_from(celebration_day.join(person, true()))
        .order_by(number, person.c.id)
        .limit(ROWS)
    )


WITHIN = _within()
