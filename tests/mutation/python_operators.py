"""Mutations of Python: operators, conditions, constants, returned values, statements left out.

Left alone: annotations, decorators, assertions (`strict=True` of zip is one, `init=False` of a
field another), docstrings and other texts; numbers that a module or a class gives a name, for a
test of such a number would only repeat it; the bound of a comparison with the clock of the machine
or of the database, which no test can hit; and pauses of a loop that polls, which without them only
polls more often.
"""

import ast
import re
from collections.abc import Iterator

from tests.mutation.source import Edit, Source

OPERATORS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Is: (r"is\b", "is not"),
    ast.IsNot: (r"is\s+not\b", "is"),
    ast.In: (r"in\b", "not in"),
    ast.NotIn: (r"not\s+in\b", "in"),
    ast.And: (r"\band\b", "or"),
    ast.Or: (r"\bor\b", "and"),
    ast.Add: (r"\+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: (r"\*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
}
PLAIN = (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.Constant)
"""Conditions that have mutations of their own."""

NOT_RUN = {"annotation", "returns", "decorator_list", "bases"}
CLOCKS = {"monotonic", "time.monotonic", "perf_counter", "datetime.now", "func.now"}
BOUNDS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
PAUSES = {"time.sleep", "pause"}
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def python_edits(source: Source) -> Iterator[Edit]:
    """All of a module."""
    for node in _code(source.tree):
        yield from _operators(source, node)
        yield from _conditions(source, node)
        yield from _constants(source, node)
        yield from _statements(source, node)


def _code(node: ast.AST, *, at_top: bool = True) -> Iterator[ast.AST]:
    """The nodes that run, without what is left alone."""
    for name, value in ast.iter_fields(node):
        if name in NOT_RUN:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _is_left_alone(child, at_top=at_top):
                continue
            yield child
            yield from _code(child, at_top=at_top and not isinstance(child, SCOPES))


def _is_left_alone(node: ast.AST, *, at_top: bool) -> bool:
    if isinstance(node, ast.keyword) and node.arg in {"strict", "init"}:
        return True
    if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Constant):
        return not isinstance(node.value.value, bool)
    if not (at_top and isinstance(node, ast.Assign)):
        return isinstance(node, ast.Assert)
    return not any(isinstance(n, ast.Call | ast.Compare | ast.Dict) for n in ast.walk(node.value))


def _operators(source: Source, node: ast.AST) -> Iterator[Edit]:
    if isinstance(node, ast.Compare):
        if isinstance(node.ops[0], BOUNDS) and any(map(_is_clock, ast.walk(node))):
            return
        yield from _between(source, node.left, node.comparators[0], node.ops[0])
    elif isinstance(node, ast.BoolOp):
        yield from _between(source, node.values[0], node.values[1], node.op)
    elif isinstance(node, ast.BinOp):
        yield from _between(source, node.left, node.right, node.op)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        start, end = source.span(node)[0], source.span(node.operand)[0]
        yield Edit(start, end, re.sub(rb"^not\s*", b"", source.raw[start:end]))


def _is_clock(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in CLOCKS


def _between(source: Source, left: ast.expr, right: ast.expr, operator: ast.AST) -> Iterator[Edit]:
    if type(operator) not in OPERATORS or isinstance(left, ast.Constant | ast.JoinedStr):
        return
    pattern, other = OPERATORS[type(operator)]
    start, end = source.span(left)[1], source.span(right)[0]
    found = re.search(pattern.encode(), source.raw[start:end])
    if found:
        yield Edit(start + found.start(), start + found.end(), other.encode())


def _conditions(source: Source, node: ast.AST) -> Iterator[Edit]:
    tests = [node.test] if isinstance(node, ast.If | ast.IfExp) else []
    tests += node.ifs if isinstance(node, ast.comprehension) else []
    for test in tests:
        if not isinstance(test, PLAIN):
            yield source.replaced(test, b"not (" + source.text(test) + b")")


def _constants(source: Source, node: ast.AST) -> Iterator[Edit]:
    if not isinstance(node, ast.Constant):
        return
    if isinstance(node.value, bool):
        yield source.replaced(node, str(not node.value).encode())
    elif isinstance(node.value, int):
        yield source.replaced(node, str(node.value + 1).encode())


def _statements(source: Source, node: ast.AST) -> Iterator[Edit]:
    if isinstance(node, ast.Return) and node.value is not None:
        if not isinstance(node.value, ast.Constant):
            yield source.replaced(node, b"return None")
    elif _is_left_out(node):
        assert isinstance(node, ast.stmt)
        yield source.replaced(node, b"pass")


def _is_left_out(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        is_pause = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in PAUSES
        return isinstance(node.value, ast.Call | ast.Await) and not is_pause
    if isinstance(node, ast.Assign):
        return isinstance(node.targets[0], ast.Attribute)
    return isinstance(node, ast.Raise | ast.Continue | ast.Break | ast.AugAssign)
