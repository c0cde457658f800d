"""Try a seeded sample of mutations: `python -m tests.mutation --count 200 --seed 1 --only domain`.

Survivors are printed as diffs. The exit code is 1 where fewer than 92 % of the mutations that
change anything are killed; those that change nothing are listed in accepted.toml, each with why.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from tests.mutation.kept_record import keep_sources, next_part, not_recorded, read_kept
from tests.mutation.mutations import Mutation, mutations
from tests.mutation.recorder import OUTPUT
from tests.mutation.report import Outcome, accepted, diff, not_found, summary
from tests.mutation.selection import Selection
from tests.mutation.workspace import END_OF_HANGING, Verdict, Workspace, workspace

PROJECT = Path(__file__).parents[2]
PACKAGE = Path("src/jubilee")
RECORDED = (
    *("domain", "http", "contracts", "adapters", "bootstrap"),
    *("commands", "entrypoints", "languages", "telemetry", "settings"),
    *("system/test_audit.py", "system/test_commands.py", "system/test_health_command.py"),
    *("system/test_interrupts.py", "system/test_jobs_command.py", "system/test_key_rotation.py"),
    *("system/test_mail_wiring.py",),
    *("system/test_metrics_listener.py", "system/test_migration_command.py"),
    *("system/test_migrations.py", "system/test_open_files.py", "system/test_outages.py"),
    *("system/test_processes.py", "system/test_shutdown.py", "system/test_start.py"),
    *("system/test_status.py", "system/test_up.py", "system/test_user_commands.py"),
)
"""Those that judge; other tests of the whole service take minutes, and run the same lines."""
RECORDING_TIMEOUT_S = 3600.0
JUDGING = ("-x", *END_OF_HANGING)
TIMEOUT_S = 30.0  # beyond three times what the tests took when they were recorded


def main() -> int:
    """Record, sample, try, report."""
    options = _options()
    known = accepted(PROJECT / "tests/mutation/accepted.toml")
    with ExitStack() as ends:
        copies = [ends.enter_context(workspace(PROJECT)) for _ in range(options.jobs)]
        selection = _selection(copies[0], options.record)
        found = [m for m in mutations(copies[0].root, PACKAGE) if options.only in m.path]
        sample = random.Random(options.seed).sample(found, min(options.count, len(found)))
        new = [mutation for mutation in sample if mutation.key not in known]
        outcomes = _without_flaky(copies[0], selection, _all_tried(copies, selection, new))
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
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="copies to try them in")
    parser.add_argument("--record", type=Path, help="a folder to keep the record of the tests in")
    return parser.parse_args()


def _selection(copy: Workspace, kept: Path | None) -> Selection:
    """By the record that is kept, and a run of the tests that it lacks."""
    record = (kept or copy.root / "record").absolute()
    tests = read_kept(copy.root, record)
    if missing := not_recorded(copy.root, RECORDED, tests):
        _record(copy, next_part(record), missing)
        tests = read_kept(copy.root, record)
    if not tests:
        raise SystemExit("no test passes in a copy of the project: every mutation would be killed")
    _say(f"{len(tests)} tests are known")
    return Selection(copy.root / "src", tests)


def _record(copy: Workspace, part: Path, tests: Sequence[str]) -> None:
    """Run the tests on every core."""
    began = time.monotonic()
    with copy.recorded(part):
        copy.run(
            tests,
            timeout=RECORDING_TIMEOUT_S,
            options=("-p", "tests.mutation.recorder", "-n", "auto"),
            # A server for each process of the parallel run, as elsewhere.
            **{OUTPUT: str(part), "JUBILEE_TEST_SERVERS": "embedded"},
        )
    keep_sources(copy.root, part)
    _say(f"recorded {len(tests)} modules of tests in {time.monotonic() - began:.0f} s")


def _all_tried(
    copies: Sequence[Workspace], selection: Selection, mutations: Iterable[Mutation]
) -> Sequence[Outcome]:
    """Try them in as many copies at a time as there are."""
    free = SimpleQueue[Workspace]()
    for copy in copies:
        free.put(copy)

    def tried(mutation: Mutation) -> Outcome:
        copy = free.get()
        try:
            return _tried(copy, selection, mutation)
        finally:
            free.put(copy)

    with ThreadPoolExecutor(len(copies)) as pool:
        return list(pool.map(tried, mutations))


def _tried(
    copy: Workspace, selection: Selection, mutation: Mutation, without: Collection[str] = ()
) -> Outcome:
    """Run the tests of a mutation.

    Where none failed by itself, they ran out of time or could not be collected. That kills the
    mutation only if it does not happen without it: on a busy machine it may. A test that is there
    only beside others, by what these import, is left out.
    """
    chosen, seconds = selection.of(mutation)
    tests, timeout = [name for name in chosen if name not in without], 3 * seconds + TIMEOUT_S
    began = time.monotonic()
    with copy.changed(mutation.path, mutation.mutated):
        outcome = Outcome(mutation, *copy.run(tests, timeout=timeout, options=JUDGING))
    if outcome.is_killed and not outcome.killer:
        options = ("--collect-only",) if outcome.verdict is Verdict.FAILED else END_OF_HANGING
        verdict, output = copy.run(tests, timeout=timeout, options=options)
        if missing := not_found(output, tests):
            return _tried(copy, selection, mutation, {*without, *missing})
        if verdict is not Verdict.PASSED:
            _say("it is not believed: the tests end in the same way without the mutation")
            outcome = Outcome(mutation, Verdict.PASSED, "")
    took, where = time.monotonic() - began, f"{mutation.path}:{mutation.line}"
    change = outcome.killer if outcome.is_killed else " -> ".join(mutation.key[1:])
    _say(f"{outcome.verdict.value:9} {took:5.1f} s {len(tests):4} tests {where} {change}")
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
