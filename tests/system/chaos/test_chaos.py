"""All faults at once: clients, an API, workers, and the nemesis."""

import os
import time
from collections.abc import Callable

from tests.system.chaos.checks import CLEAN, judge, story
from tests.system.chaos.clients import Clients, Wanted
from tests.system.chaos.database import Database
from tests.system.chaos.drains import has_drained
from tests.system.chaos.fleet import KILLS, MAX_CRASHES, Fleet
from tests.system.chaos.nemesis import Nemesis

SECONDS = float(os.environ.get("CHAOS_MINUTES") or 0.25) * 60
CHOICES: tuple[Wanted, ...] = (
    *(("chaos.quick", {}),) * 20,
    *(("chaos.slow", {"seconds": 0.3}),) * 10,
    ("chaos.slow", {"seconds": 3.0}),
    *(("chaos.flaky", {}),) * 5,
)
RARE = ("chaos.blocking", "chaos.drops_next_answer")


def test_every_acknowledged_task_has_its_effect_once(
    fleet: Fleet,
    database: Database,
    nemesis: Nemesis,
    clients: Clients,
    say: Callable[[str], None],
) -> None:
    added = database.add_jobs("chaos.poison", crashes=MAX_CRASHES - KILLS)
    for kind in RARE:
        added += database.add_jobs(kind, data={"seconds": 8})
    clients.start(4, CHOICES, pause=0.02)
    nemesis.inject_faults(SECONDS)
    fleet.heal()
    tasks = clients.stop()
    began = time.monotonic()
    has_drained(fleet, database, patient=True)
    seconds = time.monotonic() - began
    verdict = judge(database, tasks, added=added)
    say(
        f"{len(tasks.acknowledged)} acknowledged, {len(tasks.unknown)} unknown, "
        f"{nemesis.faults.total()} faults, drained in {seconds:.1f} s: {verdict}"
    )
    assert verdict == CLEAN, story(database, verdict)
