"""Mutations of SQL in texts: conditions, locks, limits, orders, members of SET, comparisons.

Each keeps the statement well-formed and its parameters in use, so that only its meaning changes.
"""

import ast
import re
from collections.abc import Iterator

from tests.mutation.source import Edit, Source

IS_SQL = re.compile(
    r"\b(SELECT|INSERT INTO|DELETE FROM|WHERE|ORDER BY|FOR UPDATE|UPDATE \w+ SET)\b"
)
STOP = re.compile(
    r"\b(AND|OR|ORDER|GROUP|LIMIT|FOR|RETURNING|ON|UNION|THEN|WHEN|ELSE|END|WINDOW|WHERE|FROM)\b"
    r'|[(),"]|\n\s*\n'
)
CONDITION = re.compile(r"\b(WHERE|AND|OR|ON|WHEN)\s+(?!CONFLICT\b)")
SET = re.compile(r"\bSET\s+")
MEMBER = re.compile(r"\s*(\w+) = ")
TABLE = re.compile(r"\b(?:UPDATE|INSERT INTO) (\w+)\b")
SWAPS = [
    (r"\bFOR (?:UPDATE|KEY SHARE)(?: OF \w+)?(?: SKIP LOCKED)?", ""),
    (r" SKIP LOCKED\b", ""),
    (r"\bORDER BY [^\n()\"]+?(?=\s+(?:LIMIT|FOR)\b|\)|\n|\"|$)", ""),
    (r"\bLIMIT ((?:CAST\([^)]*\))|:\w+|\{\w+\}|\d+)", r"LIMIT CASE WHEN \1 < 0 THEN 0 END"),
    (r" < ", " <= "),
    (r" <= ", " < "),
    (r" > ", " >= "),
    (r" >= ", " > "),
    (r" <> ", " = "),
    (r"\bDESC\b", "ASC"),
    (r"\bIS NOT NULL\b", "IS NULL"),
    (r"\bIS NULL\b", "IS NOT NULL"),
    (r"\bNOT EXISTS\b", "EXISTS"),
    (r"\bgreatest\(", "least("),
    (r"\bleast\(", "greatest("),
    (r" \+ (?=.*interval)", " - "),
    (r" - (?=.*interval)", " + "),
    (r"\bDO UPDATE SET [^\n]*", "DO NOTHING"),
]

BOUNDS = (" < ", " <= ", " > ", " >= ")  # against the present microsecond it makes no difference


def sql_edits(source: Source) -> Iterator[Edit]:
    """All of a module."""
    inner: set[int] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.JoinedStr):
            inner |= {id(part) for part in ast.walk(node)} - {id(node)}
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if not (is_text or isinstance(node, ast.JoinedStr)) or id(node) in inner:
            continue
        assert isinstance(node, ast.Constant | ast.JoinedStr)
        start, _ = source.span(node)
        text = source.text(node).decode()
        if text.isascii() and IS_SQL.search(text):
            for first, last, new in _edits(text):
                yield Edit(start + first, start + last, new.encode())


def _edits(sql: str) -> Iterator[tuple[int, int, str]]:
    for pattern, new in SWAPS:
        for found in re.finditer(pattern, sql):
            if not (pattern in BOUNDS and "now()" in _line(sql, found.start())):
                yield found.start(), found.end(), found.expand(new)
    for found in CONDITION.finditer(sql):
        if not _is_within_between(sql, found):
            yield from _condition(sql, found)
    for found in SET.finditer(sql):
        yield from _members(sql, found.end())


def _line(sql: str, position: int) -> str:
    return sql[sql.rfind("\n", 0, position) + 1 :].partition("\n")[0]


def _is_within_between(sql: str, found: re.Match[str]) -> bool:
    before = sql[: found.start()]
    return found[1] == "AND" and before.rfind("BETWEEN") > before.rfind("AND")


def _condition(sql: str, found: re.Match[str]) -> Iterator[tuple[int, int, str]]:
    """It holds always; it is joined the other way; an equality is an inequality."""
    start, end = found.end(), _end(sql, found.end())
    text = sql[start:end].rstrip()
    if not text or text in {"NOT", "true"}:
        return
    neutral = "false" if found[1] == "OR" else "true"
    joint = "AND" if found[1] == "OR" else "OR"
    yield start, start + len(text), f"({text} {joint} {neutral})"
    if found[1] in {"AND", "OR"}:
        yield found.start(1), found.end(1), joint
    equal = text.find(" = ")
    if equal > 0 and "(" not in text[:equal]:
        yield start + equal, start + equal + 3, " <> "


def _end(sql: str, position: int, stop: re.Pattern[str] = STOP) -> int:
    """Where the condition ends that begins there: brackets within it are passed over."""
    depth = 0
    for found in stop.finditer(sql, position):
        if found[0] == "(":
            depth += 1
        elif found[0] == ")":
            depth -= 1
            if depth < 0:
                return found.start()
        elif depth == 0 and not (found[0] == "AND" and "BETWEEN" in sql[position : found.start()]):
            return found.start()
    return len(sql)


def _members(sql: str, position: int) -> Iterator[tuple[int, int, str]]:
    """Each column keeps the value that it has."""
    table = TABLE.findall(sql[:position])
    while table and (found := MEMBER.match(sql, position)):
        end = _member_end(sql, found.end())
        value = sql[found.end() : end].rstrip()
        kept = f"{table[-1]}.{found[1]}"
        new = f"CASE WHEN true THEN {kept} ELSE {value} END" if ":" in value else kept
        yield found.end(), found.end() + len(value), new
        if sql[end : end + 1] != ",":
            return
        position = end + 1


def _member_end(sql: str, position: int) -> int:
    depth = 0
    for found in re.finditer(r'[(),"]|\b(?:CASE|END|WHERE|FROM|RETURNING)\b', sql[position:]):
        depth += {"(": 1, "CASE": 1, ")": -1, "END": -1}.get(found[0], 0)
        if depth <= 0 and found[0] not in {"(", ")", "END"}:
            return position + found.start()
    return len(sql)
