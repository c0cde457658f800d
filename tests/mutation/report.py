"""What became of the mutations, for people."""

import difflib
import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutations import Mutation
from tests.mutation.workspace import Verdict

ENOUGH = 0.92


@dataclass(frozen=True, slots=True)
class Outcome:
    """A mutation that was tried."""

    mutation: Mutation
    verdict: Verdict
    output: str

    @property
    def is_killed(self) -> bool:
        """Whether a test failed, or did not end in time."""
        return self.verdict is not Verdict.PASSED

    @property
    def killer(self) -> str:
        """The name of the test that failed; empty where none did by itself."""
        found = re.search(r"^(?:FAILED|ERROR) (tests/\S+::.*?)(?: - |$)", self.output, re.MULTILINE)
        return found[1] if found else ""


def accepted(file: Path) -> dict[tuple[str, str, str], str]:
    """Mutations that change nothing, by their keys, and why; raises ValueError without a reason."""
    entries = tomllib.loads(file.read_text()).get("mutation", [])
    for entry in entries:
        if not entry["why"].strip():
            raise ValueError(f"no reason is given: {entry}")
    return {(e["path"], e["was"], e["becomes"]): e["why"] for e in entries}


def diff(mutation: Mutation) -> str:
    """As `diff -u` shows it, and the lines of its key for accepted.toml."""
    before = mutation.original.decode().splitlines()
    after = mutation.mutated.decode().splitlines()
    path, was, becomes = mutation.key
    shown = difflib.unified_diff(before, after, path, path, n=2, lineterm="")
    return "\n".join([*shown, f"was = {was!r}", f"becomes = {becomes!r}", ""])


def not_found(output: str, tests: Collection[str]) -> set[str]:
    """Return the tests that pytest says it has not found; it names them without parameters."""
    lines = [line for line in output.splitlines() if line.startswith("ERROR: not found: ")]
    return {
        name for name in tests if any(line.endswith(f"/{name.split('[')[0]}") for line in lines)
    }


def summary(
    outcomes: Sequence[Outcome], equivalent: int, seed: int, total: int
) -> tuple[str, bool]:
    """One line, and whether enough of those that change anything were killed."""
    killed = sum(outcome.is_killed for outcome in outcomes)
    late = sum(outcome.verdict is Verdict.TIMED_OUT for outcome in outcomes)
    share = killed / len(outcomes) if outcomes else 1.0
    text = (
        f"seed {seed}: {len(outcomes) + equivalent} of {total} mutations, {killed} killed "
        f"({late} by time), {len(outcomes) - killed} survived, {equivalent} equivalent: "
        f"{share:.1%} of the others killed"
    )
    return text, share >= ENOUGH
