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

from tests.mutation.judges import ALWAYS, BY_FOLDER, PROCESSES
from tests.mutation.mutations import Mutation
from tests.mutation.record import Lines, RecordedTest, lines_of

BUDGET_S = 120.0
"""How long the chosen tests may take, as they took when they were recorded."""

WORD = re.compile(r"(?<![A-Za-z])[a-z]{3,}?(?=s?(?![a-z]))")  # without the s of a plural
DEPTH = 4  # how far a name is followed: a constant of a constant of a statement

CACHES = {"cache", "cached_property", "lru_cache"}

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Place: TypeAlias = tuple[str, Lines]


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
        is_shared = not found and not path.startswith(PROCESSES)
        if is_shared or self._is_cached(path, mutation.line):
            users = self._running(self._users(self._function(path, mutation.line)))
            found += [test for test in users if test not in found]
        setters = list(self._users(self._attribute(path, mutation.line)))
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
                not _runs(t, setters),
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
        """The name of a function of the module: it may run only while modules are loaded.

        For a line outside of functions: the functions that mention a name which its statement
        defines.
        """
        functions = [node for node in self._tree(path).body if isinstance(node, Function)]
        inside = {node.name for node in functions if line in _lines(node)}
        defined = {
            name
            for statement in self._tree(path).body
            if line in range(statement.lineno, (statement.end_lineno or 0) + 1)
            for name in _names(statement)
        }
        return inside or {node.name for node in functions if defined & _mentioned(node)}

    def _is_cached(self, path: str, line: int) -> bool:
        """Whether the function around the line is cached, so that only the first test runs it."""
        inside = self._inside(path, line)
        decorators = inside[-1].decorator_list if inside else []
        return bool(CACHES & {name for node in decorators for name in _mentioned(node)})

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
