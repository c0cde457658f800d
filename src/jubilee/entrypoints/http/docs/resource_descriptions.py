"""Descriptions of the operations on birthdays, items, tasks and the service, by operation id."""

from jubilee.entrypoints.http.docs.phrases import PAGED, PATCHED

READY = (
    "Returns 200 if PostgreSQL can be reached with a current schema, and 503 with the failed "
    "`checks` if not, or while the instance shuts down. For load balancers."
)

RESOURCE_DESCRIPTIONS = {
    "saveBirthday": (
        "Stores the date of birth of this name, replacing an earlier one. The name consists of "
        "letters. A name that belongs to another account is refused with 403."
    ),
    "greet": (
        "Returns a congratulation on the birthday, and otherwise the number of days until it, in "
        "the stored time zone. A name without a birthday is 404."
    ),
    "forgetBirthday": (
        "Deletes the birthday that is stored under one's own username; an admin may delete any. "
        "A name without a birthday is 404."
    ),
    "listBirthdaysToday": f"Lists the birthdays of today, by the time zone of each person. {PAGED}",
    "listUpcomingBirthdays": (
        f"Lists the birthdays of the `days` days after today, nearest first. {PAGED}"
    ),
    "listItems": (
        "Lists the items of all accounts, or of one `owner`; `q` searches titles and "
        f"descriptions. {PAGED}"
    ),
    "createItem": "Creates an item that belongs to the account. Its version is in the `ETag`.",
    "getItem": "Returns an item of any account.",
    "replaceItem": "Replaces title and description of one's own item; an admin may change any.",
    "changeItem": (
        f"Changes title or description of one's own item; an admin may change any. {PATCHED}"
    ),
    "deleteItem": "Deletes one's own item; an admin may delete any. A second deletion is 404.",
    "createTask": (
        "Stores a task and returns it at once; a worker runs it at least once, now or at `run_at`. "
        "The same `task_id` with the same kind and data returns the existing task, so that a "
        "request can be repeated; with other data it is a conflict (409). `kind` determines the "
        "schema of `data`. A kind that the account may not use is 403."
    ),
    "listTasks": f"Lists one's own tasks, newest first; an admin lists those of all. {PAGED}",
    "getTask": (
        "Returns a task by its `id` or by one's own `task_id`. With `wait`, the response is "
        "delayed until the task has ended, by that many seconds at most."
    ),
    "cancelTask": (
        "Cancels a queued task, asks a running one to stop (202), or deletes one that has ended. A "
        "task of another account is 404."
    ),
    "retryTask": "Queues a dead task again with all its attempts. A task that is not dead is 409.",
    "listAuditEntries": (
        "Lists who did what to whom, when and from where: sign-ins, changes of accounts and their "
        f"sessions, and what admins read and wrote. Reading it is recorded as well. {PAGED}"
    ),
    "listMyAuditEntries": (
        "Lists the sign-ins and changes of one's own account, and what admins read and wrote of "
        f"it, without their addresses. {PAGED}"
    ),
    "home": "Returns the name and version of the service, and links to its documentation.",
    "metrics": (
        "Returns the metrics in the text format of Prometheus. 404 if `METRICS_PORT` serves them "
        "on a separate port."
    ),
    "health": f"The same as `GET /health/ready`. {READY}",
    "healthLive": (
        "Returns 200 as long as the process answers requests; it checks no dependency. For the "
        "supervisor that restarts the process."
    ),
    "healthReady": READY,
    "healthDatabase": (
        "Returns 200 if PostgreSQL can be reached and its schema is not older than the service "
        "needs, and 503 if not."
    ),
    "getOpenApi": "Returns this document.",
}
