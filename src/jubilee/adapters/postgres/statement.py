"""SQL statements, and their execution on one connection."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property, partial
from time import perf_counter
from typing import NamedTuple, Self, TypeAlias, TypeVar

from asyncpg import Connection, Record

from jubilee.observation.storage import StatementInfo, StatementObserver

Driver: TypeAlias = "Connection[Record]"

Values: TypeAlias = Mapping[str, object]
"""What a statement binds, by the names in it."""

T = TypeVar("T")
UNSAFE = re.compile(r";|--|/\*|\$[0-9]")
"""Text that no fragment may contain: it would end the statement, hide a part of it, or bind."""

VALUE = re.compile(r"(?<![:\w]):(\w+)")
"""A named value, such as `:owner`; not the type after `::`."""

TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN)\s+(?!unnest\b)([a-z_]+)")
PARENTHESES = re.compile(r"\([^()]*\)")


def compose(template: str, **fragments: object) -> str:
    """Insert constant fragments of SQL into a template's `{names}`.

    The only place where SQL is put together from texts; values are bound, never inserted. Raises
    ValueError for a fragment that is not used, that is not closed in itself (brackets, quotes), or
    that could end the statement; KeyError for a name without a fragment.
    """
    for name, fragment in fragments.items():
        sql = str(fragment)
        closed = sql.count("(") == sql.count(")") and sql.count("'") % 2 == 0
        if UNSAFE.search(sql) or not closed or f"{{{name}}}" not in template:
            raise ValueError(f"{name} has no place in this SQL: {sql}")
    return template.format(**fragments)


class DriverSql(NamedTuple):
    """SQL in the driver's dialect (`$1`), and the names of its values in their order."""

    text: str
    names: Sequence[str]
    defaults: Mapping[str, object]


class Statement:
    """SQL in the driver's dialect, made when it is first used: no process uses all statements.

    Execution by SQLAlchemy costs several times the query (greenlets, cursor, result objects);
    passing the SQL to the driver, which prepares and caches it, costs almost nothing. Values have
    the driver's types: UUID, datetime, date, str, int, bool, bytes, and JSON as text.
    """

    def __init__(self, make: Callable[[], DriverSql]) -> None:
        self._make = make

    @classmethod
    def from_sql(cls, template: str, **fragments: object) -> Self:
        """SQL with `:named` values, composed of constant fragments; see `compose`."""
        return cls(partial(numbered, compose(template, **fragments)))

    @cached_property
    def _made(self) -> DriverSql:
        return self._make()

    @cached_property
    def sql(self) -> str:
        """The text that the driver prepares."""
        return self._made.text

    @cached_property
    def display(self) -> str:
        """The SQL on one line, with placeholders."""
        return " ".join(self.sql.split())

    @cached_property
    def operation(self) -> str:
        """The first word of the SQL, such as `SELECT`."""
        return self.sql.split(None, 1)[0].strip(";").upper()

    @cached_property
    def summary(self) -> str:
        """The operation and the first table that is not in a sub-query, such as `SELECT users`."""
        table = TABLE.search(_outermost(self.sql)) or TABLE.search(self.sql)
        return f"{self.operation} {table[1]}" if table else self.operation

    def arguments(self, values: Values) -> list[object]:
        """The values in the order in which the SQL numbers them."""
        _, names, defaults = self._made
        return [values[name] if name in values else defaults[name] for name in names]


class KeyedStatement(Statement):
    """SQL for rows by the values of a unique column, bound as the list `keys`.

    What it writes is bound as lists, too: each has a value for each key.
    """

    def __init__(
        self, make: Callable[[], DriverSql], *, key: str, one_at_a_time: bool = False
    ) -> None:
        """`key` is the name of the column, which the rows have.

        `one_at_a_time` suits a statement whose locks another run of it would meet.
        """
        super().__init__(make)
        self.key = key
        self.one_at_a_time = one_at_a_time

    @cached_property
    def _written(self) -> Sequence[str]:
        _, names, defaults = self._made
        return [name for name in names if name not in {"keys", *defaults}]

    def lists(self, asked: Mapping[object, Values]) -> Values:
        """Return the lists of keys and of values, from the values of each key."""
        written = {name: [values[name] for values in asked.values()] for name in self._written}
        return {"keys": list(asked), **written}


def numbered(sql: str) -> DriverSql:
    """Number the `:named` values of SQL as the driver does."""
    names = list(dict.fromkeys(VALUE.findall(sql)))
    text = VALUE.sub(lambda found: f"${names.index(found[1]) + 1}", sql)
    return DriverSql(text, names, {})


def _outermost(sql: str) -> str:
    """Leave out what is in parentheses: a sub-query may read another table."""
    while (shorter := PARENTHESES.sub("", sql)) != sql:
        sql = shorter
    return sql


def _ignore(statement: StatementInfo, seconds: float, error: BaseException | None) -> None:
    pass


class Executor:
    """Runs statements on one connection; all statements of the service pass through here."""

    __slots__ = ("driver", "observe")

    def __init__(self, driver: Driver, observe: StatementObserver = _ignore) -> None:
        self.driver = driver
        self.observe = observe

    async def all(self, statement: Statement, **values: object) -> list[Record]:
        """All rows; the statement's own LIMIT bounds them."""
        arguments, began = statement.arguments(values), perf_counter()
        try:
            rows = await self.driver.fetch(statement.sql, *arguments)
        except BaseException as error:
            self.observe(statement, perf_counter() - began, error)
            raise
        self.observe(statement, perf_counter() - began, None)
        return rows

    async def first(self, statement: Statement, **values: object) -> Record | None:
        """The first row, or None."""
        arguments, began = statement.arguments(values), perf_counter()
        try:
            row = await self.driver.fetchrow(statement.sql, *arguments)
        except BaseException as error:
            self.observe(statement, perf_counter() - began, error)
            raise
        self.observe(statement, perf_counter() - began, None)
        return row

    async def by_key(
        self, statement: KeyedStatement, key: object, **values: object
    ) -> Record | None:
        """The row of a key, or None; `values` are those that are written for it.

        Others may share the statement, so that values which it refuses are refused to all.
        """
        return await self.first(statement, **statement.lists({key: values}))

    async def run(self, statement: Statement, **values: object) -> None:
        """Execute it for its effect."""
        await self.first(statement, **values)

    async def defer(
        self, statement: Statement, error: type[Exception] | None = None, /, **values: object
    ) -> None:
        """Execute it for its effect; raise `error`, if given, where it returns no row.

        A transaction may do both later: before its next statement, or at its end. The only
        statement of a transaction goes without BEGIN and COMMIT.
        """
        if await self.first(statement, **values) is None and error is not None:
            raise error

    async def single_write(self, statement: Statement, **values: object) -> Record | None:
        """Return its first row; if there is one, nothing follows before the unit of work ends.

        Where it is the first statement of a transaction, it is committed at once.
        """
        return await self.first(statement, **values)

    async def each(self, statement: Statement, rows: Sequence[Mapping[str, object]]) -> None:
        """Execute it for each of these values, in one pipeline."""
        arguments = [statement.arguments(row) for row in rows]
        await self._observed(statement, self.driver.executemany(statement.sql, arguments))

    async def command(self, statement: Statement) -> str:
        """Execute it without values; returns the server's command tag, such as `COMMIT`."""
        return await self._observed(statement, self.driver.execute(statement.sql))

    async def _observed(self, statement: Statement, result: Awaitable[T]) -> T:
        began = perf_counter()
        try:
            rows = await result
        except BaseException as error:
            self.observe(statement, perf_counter() - began, error)
            raise
        self.observe(statement, perf_counter() - began, None)
        return rows
