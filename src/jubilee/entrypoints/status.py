"""Texts of `jubilee status`: health, backlog, workers."""

import json
from dataclasses import asdict, dataclass

from jubilee.domain.errors import Unavailable
from jubilee.domain.health import ConnectionBudget, Health, HealthService, ReadConnectionBudget
from jubilee.domain.jobs.backlog import Backlog, BacklogReader


@dataclass(frozen=True, slots=True)
class Status:
    """Health and backlog; no backlog if the database did not answer."""

    health: Health
    backlog: Backlog | None = None
    connections: ConnectionBudget | None = None

    @property
    def exit_code(self) -> int:
        """0 if the service is ready, else 1."""
        return 0 if self.health.ready else 1


async def read_status(
    health_service: HealthService,
    read_backlog: BacklogReader,
    read_connections: ReadConnectionBudget,
) -> Status:
    """Ask each once; a schema older than this version has no readable backlog."""
    health = await health_service.check()
    if not health.ready:
        return Status(health)
    try:
        return Status(health, await read_backlog(), await read_connections())
    except Unavailable:
        return Status(health)


def as_json(status: Status) -> str:
    """Render the status as JSON."""
    return json.dumps({"ready": status.health.ready, **_health(status.health), **_work(status)})


def as_text(status: Status) -> str:
    """Return lines of text."""
    lines = [f"{'service':<12}{'ready' if status.health.ready else 'NOT READY'}"]
    lines += [f"{name:<12}{value}" for name, value in _health(status.health).items()]
    backlog = status.backlog
    if backlog is None:
        return "\n".join(lines)
    lines.append(f"{'workers':<12}{_workers(backlog)}")
    lines += [f"{lane:<12}{_lane(lane, backlog)}" for lane in backlog.oldest_due]
    if backlog.overdue:
        lines.append(f"{'leases':<12}{backlog.overdue} ran out")
    if waiting := _without_worker(backlog):
        kinds = ", ".join(f"{count} {kind}" for kind, count in waiting.items())
        lines.append(f"{'no worker':<12}{kinds}: no live worker knows these kinds")
    greetings = ", ".join(f"{count} {state}" for state, count in backlog.greetings.items() if count)
    lines.append(f"{'greetings':<12}{greetings or 'none this year'}")
    if status.connections is not None and not status.connections.fits:
        lines.append(f"{'connections':<12}{_connections(status.connections)}")
    return "\n".join(lines)


def _workers(backlog: Backlog) -> str:
    silent = f", {backlog.workers_silent} silent" if backlog.workers_silent else ""
    return f"{backlog.workers} alive{silent}"


def _connections(budget: ConnectionBudget) -> str:
    return (
        f"TOO FEW: the pools of {budget.instances} instances may open {budget.pooled},"
        f" PostgreSQL has {budget.usable}; lower DATABASE_POOL_SIZE"
    )


def _lane(lane: str, backlog: Backlog) -> str:
    parts = [f"{count} {status}" for (name, status), count in backlog.jobs.items() if name == lane]
    oldest = backlog.oldest_due[lane]
    return ", ".join(parts) + (f"; the oldest waits {oldest:.0f} s" if oldest >= 1 else "")


def _without_worker(backlog: Backlog) -> dict[str, int]:
    return {kind: count for kind, count in backlog.without_worker.items() if count}


def _health(health: Health) -> dict[str, str]:
    because = f" ({health.outage})" if health.outage else ""
    postgres = f"unavailable{because}" if health.schema is None else "ok"
    schema = "unknown" if health.schema is None else health.schema.value
    return {
        "postgres": postgres,
        "schema": schema,
        "redis": "ok" if health.redis else "away",
    }


def _work(status: Status) -> dict[str, object]:
    backlog = status.backlog
    if backlog is None:
        return {}
    queues: dict[str, dict[str, float]] = {
        lane: {"oldest_due_seconds": seconds} for lane, seconds in backlog.oldest_due.items()
    }
    for (lane, state), count in backlog.jobs.items():
        queues[lane][state] = count
    budget = status.connections
    return {
        "connections": {} if budget is None else asdict(budget) | {"fits": budget.fits},
        "workers": backlog.workers,
        "workers_silent": backlog.workers_silent,
        "lanes": queues,
        "leases_overdue": backlog.overdue,
        "without_worker": _without_worker(backlog),
        "greetings": dict(backlog.greetings),
        "greetings_missing": backlog.greetings_missing,
    }
