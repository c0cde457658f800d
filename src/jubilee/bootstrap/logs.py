"""Logging of a process, with the fields of the current request or job on each line."""

from collections.abc import Mapping

from jubilee.adapters.telemetry.jobs import current_job
from jubilee.adapters.telemetry.line_writer import LineWriter
from jubilee.adapters.telemetry.logs import Logs, log_crashes
from jubilee.entrypoints.processes.slot import ProcessSlot
from jubilee.observation.requests import current_request
from jubilee.settings import Environment, Settings

STDOUT = 1


def start_logging(settings: Settings, slot: ProcessSlot | None = None) -> Logs:
    """Log to standard output, also what libraries log; lines have the number of the `slot`."""
    readable = _is_readable(settings)
    logs = Logs(
        LineWriter(STDOUT),
        log_context,
        level=settings.log_level,
        readable=readable,
        whole=readable and settings.environment is Environment.DEVELOPMENT,
    )
    logs.process = None if slot is None else slot.number
    logs.start()
    log_crashes()
    return logs


def correlation_id() -> str | None:
    """Return the id of the current request, or of the one that enqueued the current job."""
    record, job = current_request.get(), current_job.get()
    if record is not None:
        return record.request_id
    return None if job is None else job.claimed.correlation_id


def log_context() -> Mapping[str, str]:
    """Return the log fields of the current request or job."""
    record, job = current_request.get(), current_job.get()
    found: dict[str, str | None] = {}
    if record is not None:
        found = {"request_id": record.request_id, "user_id": record.user_id}
    elif job is not None:
        claimed = job.claimed
        owner = None if claimed.owner_id is None else str(claimed.owner_id)
        found = {"request_id": claimed.correlation_id, "user_id": owner}
        found |= {"job_id": str(claimed.id), "kind": claimed.kind}
    return {name: value for name, value in found.items() if value}


def _is_readable(settings: Settings) -> bool:
    if settings.log_format is not None:
        return settings.log_format == "text"
    return settings.environment is Environment.DEVELOPMENT
