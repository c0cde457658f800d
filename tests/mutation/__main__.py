"""Try a seeded sample of mutations: `python -m tests.mutation --count 200 --seed 1 --only domain`.

Survivors are printed as diffs. The exit code is 1 where fewer than 92 % of the mutations that
change anything are killed; those that change nothing are listed in accepted.toml, each with why.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Collection, Sequence
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
    "commands",
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
        outcomes = _without_flaky(copy, selection, [_tried(copy, selection, m) for m in new])
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
    if not tests:
        raise SystemExit("no test passes in a copy of the project: every mutation would be killed")
    _say(f"{len(tests)} tests are known")
    return Selection(copy.root / "src", tests)


def _tried(
    copy: Workspace, selection: Selection, mutation: Mutation, without: Collection[str] = ()
) -> Outcome:
    """Run the tests of a mutation.

    A time-out kills it only if the same tests end in that time without the mutation: on a busy
    machine they may not.
    """
    chosen, seconds = selection.of(mutation)
    tests, timeout = [name for name in chosen if name not in without], 3 * seconds + TIMEOUT_S
    began = time.monotonic()
    with copy.changed(mutation.path, mutation.mutated):
        verdict, output = copy.run(tests, timeout=timeout, options=("-x",))
    if verdict is Verdict.TIMED_OUT and copy.run(tests, timeout=timeout)[0] is verdict:
        _say("the tests take as long without the mutation: it is not believed")
        verdict = Verdict.PASSED
    outcome = Outcome(mutation, verdict, output)
    took = time.monotonic() - began
    where = f"{mutation.path}:{mutation.line}"
    _say(f"{verdict.value:9} {took:5.1f} s {len(tests):4} tests {where} {outcome.killer}")
    return outcome


def _without_flaky(
    copy: Workspace, selection: Selection, outcomes: Sequence[Outcome]
) -> Sequence[Outcome]:
    """Try again, without them, what was killed by tests that also fail without a mutation."""
    flaky: set[str] = set()
    while found := _failing(copy, {o.killer for o in outcomes} - {""} - flaky):
        flaky |= found
        _say(f"fail without a mutation, and are left out: {', '.join(sorted(found))}")
        outcomes = [
            _tried(copy, selection, o.mutation, flaky) if o.killer in flaky else o for o in outcomes
        ]
    return outcomes


def _failing(copy: Workspace, tests: Collection[str]) -> set[str]:
    if not tests:
        return set()
    _, output = copy.run(sorted(tests), timeout=RECORDING_TIMEOUT_S)
    return {name for name in tests if f" {name}" in output}


if __name__ == "__main__":
    sys.exit(main())
