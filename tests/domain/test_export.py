"""Exports: request, archive and download."""

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from zipfile import ZipFile

import pytest

from jubilee.adapters.export_cipher import AesExportCipher
from jubilee.adapters.ids import new_id
from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.kinds import InvalidPayload, JobKinds, PermanentFailure
from jubilee.domain.leaving import exporting
from jubilee.domain.leaving.archive import (
    CHUNK_BYTES,
    Archiver,
    DataPage,
    DataPart,
    PersonalDataReader,
)
from jubilee.domain.leaving.export import EXPORT, TASK_ID, ExportNotFound, ExportService
from jubilee.domain.leaving.exporting import BuildExport, ExportTooLarge
from jubilee.domain.one_time.issuing import LinkIssuer
from jubilee.domain.one_time.link import InvalidLink, LinkToken
from jubilee.domain.services import Services
from jubilee.domain.tasks.echo import Echo
from jubilee.domain.tasks.task import TaskIdTaken, TaskRequest, TaskStatus, TooManyTasks
from tests.conftest import Person, SignUp
from tests.fakes.job_contexts import job_context
from tests.fakes.store import FakeClock, FakeStore, FakeTransaction

Row = Mapping[str, object]


@pytest.fixture
def exports(services: Services) -> ExportService:
    return services.exports


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.fixture
def kind(exports: ExportService, store: FakeStore, clock: FakeClock) -> BuildExport:
    issuer = LinkIssuer(exports.prover.secrets, clock, new_id)
    return BuildExport(exports.archiver, store.transaction, exports.cipher, issuer, clock, new_id)


async def build(kind: BuildExport, store: FakeStore, owner: UserId | None) -> Row:
    """Run the job of an export; return its result."""
    results: list[Row] = []

    @asynccontextmanager
    async def complete(result: Row | None = None) -> AsyncIterator[FakeTransaction]:
        results.append(result or {})
        async with store.transaction() as tx:
            yield tx

    await kind.run(replace(job_context(None), owner_id=owner), complete)
    return results[0]


async def downloaded(exports: ExportService, owner: UserId) -> bytes:
    export = await exports.find(owner, actor=owner)
    content = b"".join([chunk async for chunk in exports.chunks(export)])
    assert len(content) == export.size_bytes
    return content


def files(content: bytes) -> Mapping[str, str]:
    with ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


class FakeRows(PersonalDataReader):
    """One part of these pages."""

    def __init__(self, part: DataPart, *pages: Sequence[Row]) -> None:
        self._part, self._pages = part, pages

    @property
    def parts(self) -> Sequence[DataPart]:
        return [self._part]

    async def page(self, part: DataPart, user_id: UserId, after: str | None) -> DataPage:
        number = int(after or 0)
        is_last = number + 1 == len(self._pages)
        return DataPage(self._pages[number], None if is_last else str(number + 1))


async def archived(rows: PersonalDataReader) -> list[bytes]:
    @asynccontextmanager
    async def read() -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(personal_data=rows)

    archiver = Archiver(read, JobKinds([Echo()]), FakeClock())
    return [chunk async for chunk in archiver.archive(UserId(new_id()))]


async def test_check_45_an_export_has_ones_own_data_and_no_other(
    services: Services, kind: BuildExport, zoe: Person, sign_up: SignUp, store: FakeStore
) -> None:
    max_, exports = await sign_up("max"), services.exports
    for person in (zoe, max_):
        await services.items.create(f"of {person.user.username}", None, by=person.principal)
    await exports.request(by=zoe.principal)
    result = await build(kind, store, zoe.user.id)
    found = files(await downloaded(exports, zoe.user.id))
    assert found.keys() == {"export.json", "account.json", "items.csv"}
    assert [row["email"] for row in json.loads(found["account.json"])] == ["zoe@example.com"]
    assert [row["title"] for row in csv.DictReader(io.StringIO(found["items.csv"]))] == ["of zoe"]
    assert "max" not in "".join(found.values())
    assert result["download"] == "/users/me/export"
    with pytest.raises(ExportNotFound):
        await exports.find(max_.user.id, actor=max_.user.id)


async def test_an_account_has_one_export_at_a_time(
    exports: ExportService, zoe: Person, store: FakeStore
) -> None:
    first = await exports.request(by=zoe.principal)
    assert await exports.request(by=zoe.principal) == first
    store.tasks[first.id] = replace(store.tasks[first.id], status=TaskStatus.DEAD)
    second = await exports.request(by=zoe.principal)
    assert [task.id for task in store.tasks.values() if task.kind == EXPORT] == [second.id]
    assert second.task_id == TASK_ID
    assert [e.event for e in store.audit].count(AuditEvent.EXPORT_REQUESTED) == 2


async def test_another_task_of_that_name_is_a_conflict(
    exports: ExportService, services: Services, zoe: Person
) -> None:
    await services.tasks.create(TaskRequest(data={}, task_id=TASK_ID), by=zoe.principal)
    with pytest.raises(TaskIdTaken):
        await exports.request(by=zoe.principal)


async def test_a_new_export_replaces_the_one_before(
    exports: ExportService, kind: BuildExport, zoe: Person, store: FakeStore
) -> None:
    for _ in range(2):
        await build(kind, store, zoe.user.id)
    assert len(store.exports) == 1
    assert "account.json" in files(await downloaded(exports, zoe.user.id))


async def test_an_export_expires(
    exports: ExportService, kind: BuildExport, zoe: Person, store: FakeStore, clock: FakeClock
) -> None:
    await build(kind, store, zoe.user.id)
    clock.tick(days=7)
    with pytest.raises(ExportNotFound):
        await exports.find(zoe.user.id, actor=zoe.user.id)


async def test_an_archive_that_is_too_large_is_given_up(
    kind: BuildExport, zoe: Person, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MAX_EXPORT_BYTES", 10)
    with pytest.raises(ExportTooLarge):
        await build(kind, store, zoe.user.id)


async def test_a_stored_chunk_is_sealed_and_opens_only_in_its_place(
    exports: ExportService, kind: BuildExport, zoe: Person, store: FakeStore
) -> None:
    await build(kind, store, zoe.user.id)
    ((stored),) = store.exports.values()
    assert b"PK" not in stored.chunks[0][:4]
    for cipher, number in ((exports.cipher, 1), (AesExportCipher(b"o" * 32), 0)):
        with pytest.raises(ExportNotFound):
            cipher.open(stored.export.id, number, stored.chunks[0])
    rotated = AesExportCipher(b"n" * 32, b"e" * 32)
    assert rotated.open(stored.export.id, 0, stored.chunks[0])[:2] == b"PK"


async def test_an_export_that_is_deleted_during_the_download_ends_it(
    exports: ExportService, kind: BuildExport, zoe: Person, store: FakeStore
) -> None:
    await build(kind, store, zoe.user.id)
    export = await exports.find(zoe.user.id, actor=zoe.user.id)
    store.exports.clear()
    with pytest.raises(ExportNotFound):
        await anext(exports.chunks(export))


async def test_an_operators_archive_is_recorded_and_not_stored(
    exports: ExportService, zoe: Person, store: FakeStore
) -> None:
    chunks = [chunk async for chunk in exports.archive(zoe.user.id, by=zoe.principal)]
    assert "account.json" in files(b"".join(chunks))
    assert store.exports == {}
    assert store.audit[-1].event == AuditEvent.EXPORT_REQUESTED


@pytest.mark.parametrize("pages", [[[]], [[{"a": 1}]], [[{"a": 1}, {"a": 2}], [{"a": 3}], []]])
async def test_a_file_of_any_number_of_pages_is_json(pages: Sequence[Sequence[Row]]) -> None:
    found = files(b"".join(await archived(FakeRows(DataPart("rows"), *pages))))
    assert json.loads(found["rows.json"]) == [row for page in pages for row in page]


async def test_a_cell_is_never_a_formula() -> None:
    rows: list[Row] = [{"title": "=1+1", "n": None}, {"title": 'a, "b"\nc', "n": True}]
    found = files(b"".join(await archived(FakeRows(DataPart("rows", ("title", "n")), rows))))
    assert found["rows.csv"] == 'title,n\r\n\'=1+1,\r\n"a, ""b""\nc",true\r\n'


async def test_secrets_in_the_data_of_tasks_are_masked_or_left_out() -> None:
    rows = [{"kind": "echo", "data": {"a": 1}}, {"kind": "of a later release", "data": {"b": 2}}]
    found = files(b"".join(await archived(FakeRows(DataPart("tasks"), rows))))
    assert [row["data"] for row in json.loads(found["tasks.json"])] == [{"a": 1}, {}]


@pytest.mark.parametrize(
    ("name", "data"), [("rows", {"a": 1}), ("tasks", None), ("tasks", [1]), ("rows", None)]
)
async def test_data_that_are_no_payload_of_a_task_are_exported_unchanged(
    name: str, data: object
) -> None:
    rows: list[Row] = [{"kind": "of a later release", "data": data}]
    found = files(b"".join(await archived(FakeRows(DataPart(name), rows))))
    assert json.loads(found[f"{name}.json"]) == rows


async def test_a_large_archive_comes_in_chunks_of_bounded_size() -> None:
    noise = [{"a": new_id().hex * 500} for _ in range(200)]
    pages = [
        [{"a": "".join(new_id().hex for _ in range(2000))} for _ in range(10)] for _ in range(8)
    ]
    chunks = await archived(FakeRows(DataPart("rows"), noise, *pages))
    assert len(chunks) > 2
    assert {len(chunk) for chunk in chunks[:-1]} == {CHUNK_BYTES}
    assert len(json.loads(files(b"".join(chunks))["rows.json"])) == 280


async def test_the_mailed_link_leads_to_the_archive_once(
    exports: ExportService, kind: BuildExport, zoe: Person, store: FakeStore
) -> None:
    await build(kind, store, zoe.user.id)
    (link,) = store.links.values()
    mails = [job.data for job in store.jobs if job.data.get("link_id") == str(link.id)]
    assert [mail["template"] for mail in mails] == ["export_ready"]
    token = LinkToken(exports.prover.secrets.reveal(link)[0])
    assert (await exports.open_link(token, None)).user_id == zoe.user.id
    with pytest.raises(InvalidLink):
        await exports.open_link(token, None)
    assert (await exports.find(zoe.user.id, actor=zoe.user.id)).user_id == zoe.user.id
    assert [entry.event for entry in store.audit[-2:]] == [AuditEvent.EXPORT_DOWNLOADED] * 2


async def test_a_mailed_link_to_an_export_that_is_gone_stays_usable(
    exports: ExportService, kind: BuildExport, zoe: Person, store: FakeStore
) -> None:
    await build(kind, store, zoe.user.id)
    (link,) = store.links.values()
    before = dict(store.exports)
    store.exports.clear()
    token = LinkToken(exports.prover.secrets.reveal(link)[0])
    with pytest.raises(ExportNotFound):
        await exports.open_link(token, None)
    store.exports.update(before)
    assert (await exports.open_link(token, None)).user_id == zoe.user.id


async def test_an_export_counts_among_the_tasks_of_its_account(
    exports: ExportService, zoe: Person, store: FakeStore
) -> None:
    with pytest.raises(TooManyTasks):
        await replace(exports, max_live_per_owner=0).request(by=zoe.principal)
    assert EXPORT not in {task.kind for task in store.tasks.values()}


async def test_an_export_is_of_an_account_and_takes_no_data(
    kind: BuildExport, store: FakeStore
) -> None:
    with pytest.raises(InvalidPayload):
        kind.read({"user_id": "zoe"})
    with pytest.raises(PermanentFailure):
        await build(kind, store, None)
