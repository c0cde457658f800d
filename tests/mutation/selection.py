"""Which tests can notice a mutation: those that run its line, or what uses its name."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import or_
from pathlib import Path
from typing import TypeAlias

from tests.mutation.mutations import Mutation
from tests.mutation.record import Lines, RecordedTest, lines_of

BUDGET_S = 120.0
"""How long the chosen tests may take, as they took when they were recorded."""

WORD = re.compile(r"(?<![A-Za-z])[a-z]{3,}?(?=s?(?![a-z]))")  # without the s of a plural
DEPTH = 4  # how far a name is followed: a constant of a constant of a statement

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Place: TypeAlias = tuple[str, Lines]

# These judge what no recorded test runs. The first whose path a module's path begins with counts.
BY_FOLDER = {
    "jubilee/adapters/postgres/schema.py": ["tests/system/test_migrations.py"],
    "jubilee/bootstrap/mail.py": ["tests/system/test_mail_wiring.py"],
    "jubilee/commands/jobs": ["tests/commands", "tests/system/test_jobs_command.py"],
    "jubilee/commands/health": ["tests/system/test_health_command.py"],
    "jubilee/commands/restored": ["tests/system/test_backups.py"],
    "jubilee/commands/schema": ["tests/system/test_migrations.py"],
    "jubilee/commands/status": ["tests/system/test_status.py"],
    "jubilee/commands/up": ["tests/system/test_up.py"],
    "jubilee/adapters/embedded/": ["tests/adapters/embedded", "tests/entrypoints"],
    "jubilee/adapters/telemetry/": [
        "tests/telemetry/test_line_writer.py",
        "tests/telemetry/test_logs.py",
    ],
    "jubilee/adapters/": ["tests/system/test_start.py"],
    "jubilee/bootstrap/": ["tests/system/test_start.py", "tests/system/test_jobs_command.py"],
    "jubilee/commands/": [
        "tests/commands",
        "tests/system/test_commands.py",
        "tests/system/test_user_commands.py",
    ],
    "jubilee/entrypoints/local/": ["tests/entrypoints/local", "tests/system/test_start.py"],
    "jubilee/entrypoints/": ["tests/entrypoints", "tests/system/test_shutdown.py"],
    "jubilee/": ["tests/system/test_commands.py"],
}

PROCESSES = (
    "jubilee/__main__.py",
    "jubilee/adapters/embedded/",
    "jubilee/bootstrap/",
    "jubilee/commands/",
    "jubilee/entrypoints/local/",
)
"""What runs as a process of its own; functions elsewhere may run only while modules are loaded."""

# What modules declare is data, which tests read without calling a function of theirs: by the path
# of the module, and a text of the line.
FORMATS = (
    *("api_tokens/text", "audit/chain", "audit/entry", "auth/pending"),
    *("factors/recovery_codes", "greetings/opt_out", "idempotency/answers"),
    *("one_time/secrets", "passkeys/challenges"),
)
"""Modules of the domain that write and read the same format: only a known answer tells."""

ALWAYS = (
    (
        "jubilee/adapters/postgres/tables/",
        "",
        "tests/system/test_migrations.py::test_the_migrations_create_exactly_the_declared_tables",
    ),
    ("jubilee/adapters/postgres/", "", "tests/contracts/test_other_accounts.py"),
    ("jubilee/domain/", ": bool = ", "tests/contracts/test_port_defaults.py"),
    ("jubilee/settings/", "", "tests/settings"),
    ("jubilee/entrypoints/http/", "", "tests/http/test_openapi_rules.py"),
    ("jubilee/entrypoints/http/docs/", "", "tests/http/test_openapi_headers.py"),
    ("jubilee/entrypoints/http/", "conditional=", "tests/http/test_conditions.py"),
    ("jubilee/entrypoints/http/", "status=", "tests/http/test_openapi.py"),
    ("jubilee/", "repr=", "tests/adapters/test_secret_reprs.py"),
    *(
        (f"jubilee/domain/{name}.py", "", "tests/bootstrap/test_stored_formats.py")
        for name in FORMATS
    ),
)


@dataclass
class Selection:
    """Finds tests by a record; the package is read at `source`."""

    source: Path
    tests: Sequence[RecordedTest]
    _trees: dict[str, ast.Module] = field(default_factory=dict)

    def of(self, mutation: Mutation) -> tuple[list[str], float]:
        """Their names and the seconds they take; by names and folders where none runs it.

        They run the statement, or, where none does, its function.

        Those of the file that is named like the module or its folder come first, then those with
        the most words of the line and its function, then those that use an attribute that the line
        sets, then the quickest of each file: what many tests run is judged by all sorts of them.
        """
        path = mutation.path.removeprefix("src/")
        found, seconds = self._ordered(mutation, path), 0.0
        chosen = [n for p, text, n in ALWAYS if path.startswith(p) and text in mutation.key[1]]
        for test in found:
            if seconds > BUDGET_S:
                break
            chosen.append(test.name)
            seconds += test.seconds
        return (chosen, seconds) if chosen else (self._judges(path), BUDGET_S)

    def _ordered(self, mutation: Mutation, path: str) -> list[RecordedTest]:
        found = self._running(self._statement(path, mutation.line))
        found = found or self._running(self._places(path, mutation.line))
        if not found and not path.startswith(PROCESSES):
            found = self._running(self._users(self._function(path, mutation.line)))
        users = list(self._users(self._attribute(path, mutation.line)))
        place = _place_in_file(found)
        names = Path(path).stem, Path(path).parent.name
        files = [text for name in names for text in (f"_{name}.py", f"/{name}/")]
        modules = (*(f"_{name}" for name in names), *self._documented(path, mutation.line))
        words = _words(mutation.key[1], *(node.name for node in self._inside(path, mutation.line)))
        found.sort(
            key=lambda t: (
                not any(file in t.name for file in files),
                not any(module in t.name for module in modules),
                -len(words & _words(t.name.partition("::")[2])),
                not _runs(t, users),
                place[t.name],
            )
        )
        return found

    def _judges(self, path: str) -> list[str]:
        root, name = self.source.parent, f"test_{Path(path).stem}.py"
        folder = next(folder for folder in BY_FOLDER if path.startswith(folder))
        named = [str(file.relative_to(root)) for file in sorted(root.glob(f"tests/**/{name}"))]
        return list(dict.fromkeys([*named, *BY_FOLDER[folder]]))

    def _running(self, places: Iterable[Place]) -> list[RecordedTest]:
        known = list(places)
        return [test for test in self.tests if _runs(test, known)]

    def _inside(self, path: str, line: int) -> list[Function]:
        """The functions around the line, the innermost last."""
        found = [node for node in ast.walk(self._tree(path)) if isinstance(node, Function)]
        return [node for node in found if line in _lines(node)]

    def _function(self, path: str, line: int) -> set[str]:
        """The name of a function of the module: it may run only while modules are loaded."""
        return {
            node.name
            for node in self._tree(path).body
            if isinstance(node, Function) and line in _lines(node)
        }

    def _documented(self, path: str, line: int) -> tuple[str, ...]:
        """What modules of the API declare is in its document: its tests are asked first."""
        is_declared = path.startswith("jubilee/entrypoints/http/") and not any(
            line in _lines(node)
            for node in ast.walk(self._tree(path))
            if isinstance(node, Function)
        )
        return ("tests/http/test_openapi",) if is_declared else ()

    def _attribute(self, path: str, line: int) -> set[str]:
        return {
            target.attr
            for node in ast.walk(self._tree(path))
            if isinstance(node, ast.Assign)
            and line in range(node.lineno, (node.end_lineno or 0) + 1)
            for target in node.targets
            if isinstance(target, ast.Attribute)
        }

    def _statement(self, path: str, line: int) -> list[Place]:
        """The innermost statement of a function; of a compound one its head."""
        inside = [
            node
            for function in ast.walk(self._tree(path))
            if isinstance(function, Function)
            for node in _statements(function)
            if line in range(node.lineno, (node.end_lineno or 0) + 1)
        ]
        return [(path, lines_of(_head(inside[-1])))] if inside else []

    def _places(self, path: str, line: int) -> list[Place]:
        if inside := self._inside(path, line):
            return [(path, _body(inside[-1]))]
        for statement in self._tree(path).body:
            if line in range(statement.lineno, (statement.end_lineno or 0) + 1):
                names, methods = _names(statement), [*self._methods(path, statement)]
                return methods + ([*self._users(names, path)] or [*self._users(names)])
        return []

    def _methods(self, path: str, statement: ast.stmt) -> Iterable[Place]:
        if isinstance(statement, ast.ClassDef):
            methods = [_body(node) for node in ast.walk(statement) if isinstance(node, Function)]
            yield path, reduce(or_, methods, 0)

    def _users(self, names: set[str], within: str = "") -> Iterable[Place]:
        """The functions in which one of the names stands, or a name that was made of it."""
        wanted, fresh = set(names), set(names)
        for _ in range(DEPTH):
            made = (pair for new in fresh for pair in self._made_of.get(new, ()))
            fresh = {name for path, name in made if within in path} - wanted
            wanted |= fresh
        for name in wanted:
            yield from (place for place in self._places_of.get(name, ()) if within in place[0])

    @cached_property
    def _places_of(self) -> Mapping[str, list[Place]]:
        found: dict[str, list[Place]] = defaultdict(list)
        for path, tree in self._all():
            for node in ast.walk(tree):
                if isinstance(node, Function):
                    for name in _mentioned(node):
                        found[name].append((path, _body(node)))
        return found

    @cached_property
    def _made_of(self) -> Mapping[str, set[tuple[str, str]]]:
        found: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for path, tree in self._all():
            for statement in tree.body:
                for name in _mentioned(statement):
                    found[name] |= {(path, new) for new in _names(statement)}
        return found

    def _all(self) -> Iterable[tuple[str, ast.Module]]:
        for path in sorted(self.source.rglob("*.py")):
            name = str(path.relative_to(self.source))
            yield name, self._tree(name)

    def _tree(self, path: str) -> ast.Module:
        if path not in self._trees:
            self._trees[path] = ast.parse((self.source / path).read_bytes())
        return self._trees[path]


def _words(*texts: str) -> set[str]:
    return {word for text in texts for word in WORD.findall(text)}


def _place_in_file(tests: Iterable[RecordedTest]) -> Mapping[str, int]:
    """Number the tests of each file."""
    places, seen = {}, Counter[str]()
    for test in tests:
        file = test.name.partition("::")[0]
        places[test.name] = seen[file]
        seen[file] += 1
    return places


def _runs(test: RecordedTest, places: Iterable[Place]) -> bool:
    return any(test.lines.get(path, 0) & lines for path, lines in places)


def _lines(node: Function) -> range:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return range(first, (node.end_lineno or 0) + 1)


def _body(node: Function) -> Lines:
    """Without what runs when the function is defined."""
    return lines_of(range(node.body[0].lineno, (node.end_lineno or 0) + 1))


def _statements(function: Function) -> Iterable[ast.stmt | ast.excepthandler]:
    """All within the function, outer ones before inner ones."""
    for statement in function.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.stmt | ast.excepthandler):
                yield node


def _head(node: ast.stmt | ast.excepthandler) -> range:
    body = getattr(node, "body", None)
    end = (node.end_lineno or 0) + 1
    return range(node.lineno, max(body[0].lineno, node.lineno + 1) if body else end)


def _names(statement: ast.stmt) -> set[str]:
    """What a statement of a module defines."""
    if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {statement.name}
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    targets += [statement.target] if isinstance(statement, ast.AnnAssign) else []
    return {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}


def _mentioned(node: ast.AST) -> set[str]:
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return names | {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
