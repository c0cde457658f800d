"""The output of `jubilee jobs`."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from jubilee.domain.identity import UserId
from jubilee.domain.paging import Page
from jubilee.domain.tasks.task import Task, TaskStatus
from jubilee.entrypoints.job_texts import as_json, as_table, as_text, page_as_json

AT = datetime(2026, 11, 20, 9, 5, 7, 123456, tzinfo=UTC)
MAIL = Task(
    id=UUID(int=1),
    task_id="mail",
    owner_id=None,
    kind="email.send",
    data={},
    priority=5,
    status=TaskStatus.DEAD,
    attempts=3,
    max_attempts=10,
    run_at=AT,
    created_at=AT,
    error={"code": "bad\x1b", "message": "no"},
)
ECHO = replace(
    MAIL, id=UUID(int=2), owner_id=UserId(UUID(int=3)), kind="echo", error=None, attempts=12
)


def test_a_table_has_a_line_for_each_job_and_one_for_the_next_page() -> None:
    assert as_table(Page([MAIL, ECHO], after=("x-2",))).splitlines() == [
        f"{'ID':<36}  STATUS  KIND        ATTEMPTS  DUE (UTC)            {'OWNER':<36}  ERROR",
        f'{MAIL.id}  dead    email.send  3/10      2026-11-20 09:05:07  {"none":<36}  "bad\\u001b"',
        f"{ECHO.id}  dead    echo        12/10     2026-11-20 09:05:07  {ECHO.owner_id}",
        "more: --after x-2",
    ]


def test_a_last_page_names_no_other_and_an_empty_one_says_so() -> None:
    assert len(as_table(Page([MAIL], after=None)).splitlines()) == 2
    assert as_table(Page([], after=None)) == "no such jobs"


def test_a_page_as_json_has_what_the_api_answers_and_the_next_page() -> None:
    found = json.loads(page_as_json(Page([ECHO], after=("x-2",))))
    assert found == {"items": [json.loads(as_json(ECHO.id, ECHO))], "after": "x-2"}
    assert json.loads(page_as_json(Page([], after=None))) == {"items": [], "after": None}


def test_a_discarded_job_is_its_id_in_json() -> None:
    assert json.loads(as_json(MAIL.id, None)) == {"id": str(MAIL.id), "discarded": True}
    assert json.loads(as_json(MAIL.id, MAIL))["kind"] == "email.send"


def test_a_text_has_a_line_for_each_field_that_has_a_value() -> None:
    written = as_text(MAIL).splitlines()
    lines = dict(line.split(maxsplit=1) for line in written)
    assert (lines["status"], lines["attempts"], lines["data"]) == ("dead", "3", "{}")
    assert lines["error"] == '{"code": "bad\\u001b", "message": "no"}'
    assert not {"result", "started_at", "owner_id"} & set(lines)
    starts = {len(line) - len(value) for line, value in zip(written, lines.values(), strict=True)}
    assert starts == {len("cancel_requested  ")}
