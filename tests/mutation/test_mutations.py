"""The generated mutations are small, well-formed and have stable keys."""

import ast
from pathlib import Path

import pytest

from tests.exclusive import LANES
from tests.mutation.mutations import Mutation, mutations
from tests.mutation.record import RecordedTest, lines_of
from tests.mutation.report import Outcome, accepted, not_found, summary
from tests.mutation.selection import Selection
from tests.mutation.workspace import COPIED, Verdict

PROJECT = Path(__file__).parents[2]
PYTHON = '''
LIMIT = 5
TIMES = limit(3)

@dataclass(frozen=True)
class A:
    secret: str = field(repr=False)

    def f(self, x: int) -> bool:
        """Not this: 1 < 2."""
        if x < 1 and not self.y:
            self.z = "1 < 2"
        return x + 1

    def g(self) -> None:
        while monotonic() < self.deadline:
            time.sleep(0.1)
            tell(*zip(self.a, self.b, strict=True))
'''
SQL = '''
TAKE = text("""
    UPDATE jobs SET status = 'running', epoch = :epoch
    WHERE id IN (SELECT id FROM jobs WHERE a = :a AND b BETWEEN 1 AND 2
        ORDER BY id LIMIT :rows FOR UPDATE SKIP LOCKED)
""")
'''


def changes(tmp_path: Path, text: str) -> set[tuple[str, str]]:
    """The lines before and after each mutation of the text."""
    (tmp_path / "module.py").write_text(text)
    return {mutation.key[1:] for mutation in mutations(tmp_path, Path())}


def test_executed_python_is_mutated(tmp_path: Path) -> None:
    condition, result = "if x < 1 and not self.y:", "return x + 1"
    assert changes(tmp_path, PYTHON) == {
        ("TIMES = limit(3)", "TIMES = limit(4)"),
        ("secret: str = field(repr=False)", "secret: str = field(repr=True)"),
        (condition, "if x <= 1 and not self.y:"),
        (condition, "if x < 2 and not self.y:"),
        (condition, "if x < 1 or not self.y:"),
        (condition, "if x < 1 and self.y:"),
        ('self.z = "1 < 2"', "pass"),
        ("tell(*zip(self.a, self.b, strict=True))", "pass"),
        (result, "return x - 1"),
        (result, "return x + 2"),
        (result, "return None"),
    }


def test_sql_is_mutated_by_clause(tmp_path: Path) -> None:
    update = "UPDATE jobs SET status = 'running', epoch = :epoch"
    where = "WHERE id IN (SELECT id FROM jobs WHERE a = :a AND b BETWEEN 1 AND 2"
    order = "ORDER BY id LIMIT :rows FOR UPDATE SKIP LOCKED)"
    assert changes(tmp_path, SQL) >= {
        (update, "UPDATE jobs SET status = jobs.status, epoch = :epoch"),
        (
            update,
            update.replace(":epoch", "CASE WHEN true THEN jobs.epoch ELSE :epoch END"),
        ),
        (where, where.replace("a = :a", "(a = :a OR true)")),
        (where, where.replace("a = :a", "a <> :a")),
        (where, where.replace("AND b", "OR b")),
        (where, where.replace("b BETWEEN 1 AND 2", "(b BETWEEN 1 AND 2 OR true)")),
        (order, "LIMIT :rows FOR UPDATE SKIP LOCKED)"),
        (order, "ORDER BY id LIMIT CASE WHEN :rows < 0 THEN 0 END FOR UPDATE SKIP LOCKED)"),
        (order, "ORDER BY id LIMIT :rows FOR UPDATE)"),
        (order, "ORDER BY id LIMIT :rows )"),
    }


@pytest.fixture(scope="module")
def all_mutations() -> list[Mutation]:
    return mutations(PROJECT, Path("src/jubilee"))


def test_every_mutation_of_the_package_is_valid_python(all_mutations: list[Mutation]) -> None:
    assert len(all_mutations) > 5000
    for mutation in all_mutations[::20]:
        ast.parse(mutation.mutated)


def test_every_accepted_mutation_exists_and_has_a_reason(
    all_mutations: list[Mutation],
) -> None:
    known = accepted(PROJECT / "tests/mutation/accepted.toml")
    assert set(known) <= {mutation.key for mutation in all_mutations}


@pytest.mark.parametrize(
    ("line", "expected"),
    [("return a", "runs_f"), ("A = g(1)", "runs_f"), ("return 1 + 1", "runs_g")],
)
def test_tests_are_selected_by_the_functions_they_run(
    tmp_path: Path, line: str, expected: str
) -> None:
    package = tmp_path / "src"
    package.mkdir()
    lines = ["A = g(1)", "B = A", "def f(a):", "    if B:", "        return a", "def h():"]
    (package / "m.py").write_text("\n".join([*lines, "    return 1 + 1"]))
    tests = [
        RecordedTest("runs_f", 1.0, {"m.py": lines_of([4, 5])}),
        RecordedTest("runs_g", 0.5, {"m.py": lines_of([7])}),
    ]
    found = [m for m in mutations(tmp_path, Path("src")) if m.key[1] == line]
    assert found
    for mutation in found:
        assert Selection(package, tests).of(mutation) == (
            [expected],
            {"runs_f": 1.0}.get(expected, 0.5),
        )


def test_tests_that_run_the_mutated_statement_come_before_others_of_its_function(
    tmp_path: Path,
) -> None:
    (tmp_path / "src").mkdir()
    lines = ("def f(a):", "    if a:", "        return 1 + 1", "    return 2 * a")
    (tmp_path / "src/m.py").write_text("\n".join(lines))
    tests = [
        RecordedTest("runs_other", 1.0, {"m.py": lines_of([2, 4])}),
        RecordedTest("runs_it", 2.0, {"m.py": lines_of([2, 3])}),
    ]
    chosen = {
        m.line: Selection(tmp_path / "src", tests).of(m)[0]
        for m in mutations(tmp_path, Path("src"))
    }
    assert chosen == {2: ["runs_other", "runs_it"], 3: ["runs_it"], 4: ["runs_other"]}


def test_what_modules_declare_is_tested_by_the_tests_that_read_it(tmp_path: Path) -> None:
    settings = tmp_path / "src/jubilee/settings"
    settings.mkdir(parents=True)
    (settings / "m.py").write_text("class A:\n    b = Field(1)\n    c = Field(ge=2, repr=False)\n")
    found = {m.edit.text: m for m in mutations(tmp_path, Path("src"))}
    selection = Selection(tmp_path / "src", [])
    chosen = {text: selection.of(mutation)[0] for text, mutation in found.items()}
    assert chosen[b"2"] == ["tests/settings"]
    assert chosen[b"3"] == ["tests/settings", "tests/adapters/test_secret_reprs.py"]


def test_a_function_that_runs_while_modules_are_loaded_is_tested_by_what_uses_it(
    tmp_path: Path,
) -> None:
    package = tmp_path / "src"
    package.mkdir()
    (package / "m.py").write_text("def made():\n    return 1 + 1\n\nLIMIT = made()\n")
    (package / "n.py").write_text("def f(a):\n    return a < m.LIMIT\n")
    tests = [RecordedTest("runs_f", 1.0, {"n.py": lines_of([2])})]
    found = [m for m in mutations(tmp_path, Path("src")) if m.key[1] == "return 1 + 1"]
    assert {tuple(Selection(package, tests).of(mutation)[0]) for mutation in found} == {("runs_f",)}


def test_what_a_cache_or_a_constant_keeps_is_tested_by_what_uses_its_function(
    tmp_path: Path,
) -> None:
    package = tmp_path / "src"
    package.mkdir()
    cached = "@cache\ndef kept():\n    return 1 + 1\n"
    (package / "m.py").write_text(
        f"{cached}\nTEXTS = {{404: 1}}\n\ndef text():\n    return TEXTS\n"
    )
    (package / "n.py").write_text("def f():\n    kept()\n\ndef g():\n    text()\n")
    lines = {"first": ("m.py", 3), "runs_f": ("n.py", 2), "runs_g": ("n.py", 5)}
    tests = [RecordedTest(name, 1.0, {path: lines_of([n])}) for name, (path, n) in lines.items()]
    selection = Selection(package, tests)
    chosen = {m.line: set(selection.of(m)[0]) for m in mutations(tmp_path, Path("src"))}
    assert (chosen[3], chosen[5]) == ({"first", "runs_f"}, {"runs_g"})


def test_what_many_tests_run_is_tested_by_some_of_each_file(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/m.py").write_text("def f():\n    return 1 + 1\n")
    runs_f = {"m.py": lines_of([2])}
    tests = [RecordedTest(f"a.py::{n}", 70.0, runs_f) for n in range(3)]
    tests.append(RecordedTest("b.py::0", 71.0, runs_f))
    [mutation, *_] = mutations(tmp_path, Path("src"))
    assert Selection(tmp_path / "src", tests).of(mutation) == (["a.py::0", "b.py::0"], 141.0)


@pytest.mark.parametrize(("survivors", "is_enough"), [(8, True), (9, False)])
def test_92_percent_of_the_mutations_must_be_killed(survivors: int, is_enough: bool) -> None:
    mutation = Mutation("a.py", b"", (0, 0, b""))  # type: ignore[arg-type]  # it is only counted
    verdicts = (
        [Verdict.PASSED] * survivors + [Verdict.TIMED_OUT] + [Verdict.FAILED] * (99 - survivors)
    )
    text, enough = summary([Outcome(mutation, verdict, "") for verdict in verdicts], 7, 3, 500)
    assert enough is is_enough
    assert (
        f"107 of 500 mutations, {100 - survivors} killed (1 by time), {survivors} survived" in text
    )


def test_tests_that_pytest_does_not_find_are_left_out() -> None:
    tests = ["tests/settings", "tests/test_a.py::test_b[1]", "tests/test_a.py::test_c[a/b]"]
    output = "ERROR: not found: /x/tests/test_a.py::test_c\n(no match in any of [])\n"
    assert not_found(output, tests) == {tests[2]}
    assert not not_found("1 test collected", tests)


def test_the_copy_has_the_files_that_tests_lock() -> None:
    assert set(LANES.values()) <= set(COPIED)
