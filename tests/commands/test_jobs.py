"""`jubilee jobs`: what it prints, changes and refuses."""

import asyncio
import json
from uuid import uuid4

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.identity import Principal, SessionId
from jubilee.domain.services import Services
from jubilee.domain.tasks.task import Task, TaskRequest, TaskStatus
from tests.commands.conftest import Jubilee
from tests.conftest import PASSWORD
from tests.domain.task_harness import set_status
from tests.fakes.store import FakeStore


@pytest.fixture
def jobs(services: Services, store: FakeStore) -> list[Task]:
    """Three jobs of one account after its welcome mail: dead, queued and running."""

    async def create() -> list[Task]:
        user = await services.users.register({"email": "zoe@example.com"}, PASSWORD)
        by = Principal(user.id, SessionId(new_id()))
        return [await services.tasks.create(TaskRequest(data={"n": n}), by=by) for n in range(3)]

    created = asyncio.run(create())
    set_status(store, created[0], TaskStatus.DEAD, error={"code": "failed", "message": "no"})
    set_status(store, created[2], TaskStatus.RUNNING)
    return created


@pytest.fixture
def ids(jobs: list[Task]) -> list[str]:
    """Their ids: dead, queued and running."""
    return [str(job.id) for job in jobs]


def test_a_list_is_a_table_of_the_newest_first(jubilee: Jubilee, ids: list[str]) -> None:
    lines = [line.split() for line in jubilee("jobs", "list").out.splitlines()]
    assert [line[0] for line in lines[:-1]] == ["ID", *ids[::-1]]
    assert [line[1] for line in lines[1:]] == ["running", "queued", "dead", "queued"]
    assert lines[-1][2] == "email.welcome"


def test_a_list_is_continued_after_its_last_job(jubilee: Jubilee, ids: list[str]) -> None:
    first = jubilee("jobs", "list", "--limit", "2", "--ids")
    assert first.out.splitlines() == ids[:0:-1]
    table = jubilee("jobs", "list", "--limit", "2").out.splitlines()
    assert table[-1] == f"more: --after {ids[1]}"
    rest = jubilee("jobs", "list", "--after", ids[1], "--ids").out.splitlines()
    assert (rest[0], len(rest)) == (ids[0], 2)


def test_a_list_is_filtered(jubilee: Jubilee, jobs: list[Task], ids: list[str]) -> None:
    assert jubilee("jobs", "list", "--status", "dead", "--ids").out == f"{ids[0]}\n"
    owner = str(jobs[0].owner_id)
    assert len(jubilee("jobs", "list", "--owner", owner, "--ids").out.splitlines()) == 3
    _, unowned = jubilee("jobs", "list", "--owner", "none").out.splitlines()
    assert unowned.split()[2] == "email.welcome"
    assert jubilee("jobs", "list", "--kind", "email.send").out == "no such jobs\n"


def test_machines_read_a_page_and_a_job_as_json(jubilee: Jubilee, ids: list[str]) -> None:
    page = json.loads(jubilee("jobs", "list", "--json", "--limit", "1").out)
    assert ([job["id"] for job in page["items"]], page["after"]) == ([ids[2]], ids[2])
    assert json.loads(jubilee("jobs", "show", ids[0], "--json").out)["status"] == "dead"
    assert json.loads(jubilee("jobs", "discard", ids[0], "--json").out) == {
        "id": ids[0],
        "discarded": True,
    }


def test_the_fields_of_each_job_are_shown(jubilee: Jubilee, ids: list[str]) -> None:
    shown = jubilee("jobs", "show", ids[0], ids[1]).out
    lines = [line.split(maxsplit=1) for line in shown.splitlines()]
    assert [value for name, value in lines if name == "id"] == ids[:2]
    assert ["error", '{"code": "failed", "message": "no"}'] in lines


def test_a_dead_job_is_retried_cancelled_and_discarded(
    jubilee: Jubilee, ids: list[str], store: FakeStore, jobs: list[Task]
) -> None:
    done = [jubilee("jobs", action, ids[0]) for action in ("retry", "cancel", "discard")]
    assert [ended.out for ended in done] == [
        f"{ids[0]} queued\n",
        f"{ids[0]} cancelled\n",
        f"{ids[0]} discarded\n",
    ]
    assert {ended.code for ended in done} == {0}
    assert jobs[0].id not in store.tasks


def test_a_running_job_is_asked_to_stop(jubilee: Jubilee, ids: list[str]) -> None:
    assert jubilee("jobs", "cancel", ids[2]).out == f"{ids[2]} asked to stop\n"


def test_each_refusal_is_one_line_and_other_jobs_are_processed(
    jubilee: Jubilee, ids: list[str]
) -> None:
    gone = str(uuid4())
    ended = jubilee("jobs", "retry", ids[1], gone, ids[0])
    assert (ended.code, ended.out) == (1, f"{ids[0]} queued\n")
    assert ended.error.splitlines() == [
        f"jubilee: {ids[1]}: Only a dead task can be retried.",
        f"jubilee: {gone}: The task does not exist.",
    ]
    refused = jubilee("jobs", "discard", ids[1])
    assert (refused.code, refused.out) == (1, "")
    assert "cancel it first" in refused.error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("list", "--status", "broken"), "STATUS: "),
        (("list", "--owner", "zoe"), "OWNER: "),
        (("list", "--limit", "0"), "LIMIT: "),
        (("list", "--limit", "101"), "LIMIT: "),
        (("show", "42"), "invalid UUID value: '42'"),
        (("retry",), "required: ID"),
        (("retri", str(uuid4())), "did you mean retry?"),
        (("xyzzy",), "choose from list, show, retry, cancel, discard"),
    ],
)
def test_invalid_arguments_exit_with_2_and_a_reason(
    jubilee: Jubilee, words: tuple[str, ...], message: str
) -> None:
    refused = jubilee("jobs", *words)
    assert (refused.code, refused.out) == (2, "")
    assert message in refused.error
