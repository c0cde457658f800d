"""Try a seeded sample of mutations: `python -m tests.mutation --count 200 --seed 1 --only domain`.

Survivors are printed as diffs. The exit code is 1 where fewer than 92 % of the mutations that
change anything are killed; those that change nothing are listed in accepted.toml, each with why.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

from tests.mutation.mutations import Mutation, mutations
from tests.mutation.recorder import OUTPUT
from tests.mutation.report import Outcome, accepted, diff, summary
from tests.mutation.selection import Selection, read_tests
from tests.mutation.workspace import Verdict, Workspace, workspace

PROJECT = Path(__file__).parents[2]
RECORDED = (
    "domain",
    "http",
    "contracts",
    "adapters",
    "bootstrap",
    "entrypoints",
    "telemetry",
    "settings",
)
RECORDING_TIMEOUT_S = 3600.0
TIMEOUT_S = 30.0  # beyond three times what the tests took when they were recorded


def main() -> int:
    """Record, sample, try, report."""
    options = _options()
    known = accepted(PROJECT / "tests/mutation/accepted.toml")
    with workspace(PROJECT) as copy:
        selection = _selection(copy, options.record)
        found = [m for m in mutations(copy.root, Path("src/jubilee")) if options.only in m.path]
        sample = random.Random(options.seed).sample(found, min(options.count, len(found)))
        new = [mutation for mutation in sample if mutation.key not in known]
        outcomes = [_tried(copy, selection, mutation) for mutation in new]
        outcomes = _without_flaky(copy, outcomes)
    for outcome in outcomes:
        if not outcome.is_killed:
            _say(diff(outcome.mutation))
    text, is_enough = summary(outcomes, len(sample) - len(new), options.seed, len(found))
    _say(text)
    return 0 if is_enough else 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--only", default="", help="a part of the paths to mutate")
    parser.add_argument("--record", type=Path, help="a file to keep the record of the tests in")
    return parser.parse_args()


def _selection(copy: Workspace, kept: Path | None) -> Selection:
    """By the record that is kept, else by a run of all tests that share our process."""
    record = kept or copy.root / "record.json"
    if not record.exists():
        began = time.monotonic()
        copy.run(
            [f"tests/{folder}" for folder in RECORDED],
            timeout=RECORDING_TIMEOUT_S,
            options=("-p", "tests.mutation.recorder"),
            **{OUTPUT: str(record.absolute())},
        )
        _say(f"recorded in {time.monotonic() - began:.0f} s")
    tests = read_tests(json.loads(record.read_text()))
    _say(f"{len(tests)} tests are known")
    return Selection(copy.root / "src", tests)


def _tried(copy: Workspace, selection: Selection, mutation: Mutation) -> Outcome:
    tests, seconds = selection.of(mutation)
    began = time.monotonic()
    with copy.changed(mutation.path, mutation.mutated):
        verdict, output = copy.run(tests, timeout=3 * seconds + TIMEOUT_S, options=("-x",))
    outcome = Outcome(mutation, verdict, output)
    took = time.monotonic() - began
    where = f"{mutation.path}:{mutation.line}"
    _say(f"{verdict.value:9} {took:5.1f} s {len(tests):4} tests {where} {outcome.killer}")
    return outcome


def _without_flaky(copy: Workspace, outcomes: list[Outcome]) -> list[Outcome]:
    """A test that fails without any mutation kills none."""
    killers = Counter(outcome.killer for outcome in outcomes if outcome.killer)
    if not killers:
        return outcomes
    _, output = copy.run(list(killers), timeout=RECORDING_TIMEOUT_S)
    flaky = {name for name in killers if f" {name}" in output}
    for name in flaky:
        _say(f"fails without a mutation, and is not believed: {name}")
    return [Outcome(o.mutation, Verdict.PASSED, "") if o.killer in flaky else o for o in outcomes]


if __name__ == "__main__":
    sys.exit(main())
