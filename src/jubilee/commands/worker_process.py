"""One process of a worker; it imports nothing that only the API needs."""

from jubilee.bootstrap.garbage_collection import freeze_startup_objects
from jubilee.bootstrap.logs import start_logging
from jubilee.bootstrap.mail import warn_without_mail
from jubilee.bootstrap.metrics_listener import WORKER
from jubilee.bootstrap.processes import settings_of_process
from jubilee.bootstrap.telemetry import ProcessInfo
from jubilee.bootstrap.worker import open_worker
from jubilee.commands.running import run
from jubilee.entrypoints.processes.slot import ProcessSlot
from jubilee.entrypoints.worker.process import work
from jubilee.settings import Settings


def worker(settings: Settings, slot: ProcessSlot | None) -> int:
    """Run jobs; `slot` is the place of this process among several of one parent."""
    logs = start_logging(settings, slot)
    process = ProcessInfo(WORKER, settings.worker_metrics_port, logs, slot)
    warn_without_mail(settings)

    async def work_all() -> int:
        async with open_worker(settings_of_process(settings, slot), process=process) as plan:
            freeze_startup_objects()
            return await work(plan)

    return run(work_all())
