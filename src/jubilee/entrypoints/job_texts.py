"""Output of `jubilee jobs`: a table, all fields of a job, or JSON as in the API."""

import json
from uuid import UUID

from jubilee.domain.paging import Page
from jubilee.domain.tasks.task import Task
from jubilee.entrypoints.http.task_models import TaskReply
from jubilee.entrypoints.text_tables import table

COLUMNS = ("ID", "STATUS", "KIND", "ATTEMPTS", "DUE (UTC)", "OWNER", "ERROR")


def page_as_json(page: Page[Task]) -> str:
    """Return one object: `items` as in the API, and the `--after` of the next page."""
    items = [_document(task) for task in page.rows]
    return json.dumps({"items": items, "after": page.after and page.after[0]})


def as_json(job_id: UUID, task: Task | None) -> str:
    """Return the job as in the API; for a discarded job, its id."""
    return json.dumps({"id": str(job_id), "discarded": True} if task is None else _document(task))


def as_table(page: Page[Task]) -> str:
    """Return one line per job, and one that says how to print the next page."""
    if not page.rows:
        return "no such jobs"
    rows = table(COLUMNS, *(_row(task) for task in page.rows))
    return rows if page.after is None else f"{rows}\nmore: --after {page.after[0]}"


def as_text(task: Task) -> str:
    """Return one line per field."""
    document = _document(task)
    width = max(map(len, document)) + 2
    return "\n".join(
        f"{name:<{width}}{_plain(value)}" for name, value in document.items() if value is not None
    )


def _row(task: Task) -> tuple[str, ...]:
    return (
        str(task.id),
        task.status.value,
        task.kind,
        f"{task.attempts}/{task.max_attempts}",
        f"{task.run_at:%Y-%m-%d %H:%M:%S}",
        "none" if task.owner_id is None else str(task.owner_id),
        "" if task.error is None else _plain(task.error.get("code", "")),
    )


def _document(task: Task) -> dict[str, object]:
    return TaskReply.of(task).model_dump(mode="json")


def _plain(value: object) -> str:
    """Escape text with control characters, which a terminal would interpret."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if text.isprintable() else json.dumps(text)
