"""The archive of an export: a zip file, written in bounded memory."""

import asyncio
import csv
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from zipfile import ZIP_DEFLATED, ZipFile

from jubilee.domain.clock import Clock
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.transaction import Begin

CHUNK_BYTES = 262_144
TASKS = "tasks"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of cells that spreadsheets execute."""


@dataclass(frozen=True, slots=True)
class DataPart:
    """What the service has of a person in one table; `columns` are those of a CSV, in order."""

    name: str
    columns: Sequence[str] = ()

    @property
    def file(self) -> str:
        """Its name in the archive."""
        return f"{self.name}.csv" if self.columns else f"{self.name}.json"


@dataclass(frozen=True, slots=True)
class DataPage:
    """Some rows of a part; `after` leads to the next page, None ends it."""

    rows: Sequence[Mapping[str, object]]
    after: str | None


# Ports


class PersonalDataReader(Protocol):
    """Reads all rows of a person, without secrets."""

    @property
    def parts(self) -> Sequence[DataPart]:
        """The parts, in the order of the archive."""

    async def page(self, part: DataPart, user_id: UserId, after: str | None) -> DataPage:
        """Read the next rows of a part, of a few MiB at most."""


class PersonalDataView(Protocol):
    """The repository that is read from."""

    @property
    def personal_data(self) -> PersonalDataReader:
        """The rows of persons."""


class Outlet:
    """The end of a pipe: what the zip file writes is taken out in chunks.

    It has no position, so that the zip file never seeks back.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def write(self, data: bytes, /) -> int:
        """Append bytes."""
        self._buffer += data
        return len(data)

    def flush(self) -> None:
        """Do nothing: all bytes can be taken at once."""

    def close(self) -> None:
        """Do nothing: the bytes can still be taken."""

    def take(self, size: int) -> bytes | None:
        """Remove and return `size` bytes; None if there are fewer."""
        if len(self._buffer) < size:
            return None
        chunk = bytes(self._buffer[:size])
        del self._buffer[:size]
        return chunk

    def rest(self) -> bytes:
        """Remove and return all bytes."""
        return self.take(len(self._buffer)) or b""


@dataclass(frozen=True, slots=True)
class Archiver:
    """Makes archives; a page of rows and a chunk are all that is in memory."""

    read: Begin[PersonalDataView]
    kinds: JobKinds
    clock: Clock

    async def archive(self, user_id: UserId) -> AsyncGenerator[bytes]:
        """Yield the archive in chunks of CHUNK_BYTES, but for the last."""
        outlet = Outlet()
        with ZipFile(outlet, "w", ZIP_DEFLATED) as archive:
            archive.writestr("export.json", self._about(user_id))
            async with self.read() as view:
                parts = view.personal_data.parts
            for part in parts:
                with archive.open(part.file, "w", force_zip64=True) as file:
                    async for text in self._texts(part, user_id):
                        await asyncio.to_thread(file.write, text.encode())
                        while chunk := outlet.take(CHUNK_BYTES):
                            yield chunk
        while chunk := outlet.take(CHUNK_BYTES):
            yield chunk
        yield outlet.rest()

    async def _texts(self, part: DataPart, user_id: UserId) -> AsyncIterator[str]:
        """Yield the file of a part, a page of rows at a time."""
        after, is_first = None, True
        yield _csv([part.columns]) if part.columns else "["
        while True:
            async with self.read() as view:
                page = await view.personal_data.page(part, user_id, after)
            rows = [self._redacted(part, row) for row in page.rows]
            if part.columns:
                yield _csv([_cell(row[name]) for name in part.columns] for row in rows)
            else:
                yield "".join(
                    ("\n" if is_first and not at else ",\n") + json.dumps(row, ensure_ascii=False)
                    for at, row in enumerate(rows)
                )
            is_first, after = is_first and not rows, page.after
            if after is None:
                break
        yield "" if part.columns else "\n]\n"

    def _redacted(self, part: DataPart, row: Mapping[str, object]) -> Mapping[str, object]:
        """Mask secrets in the data of tasks, as lists of tasks do."""
        data = row.get("data")
        if part.name != TASKS or not isinstance(data, Mapping):
            return row
        kind = self.kinds.find(str(row["kind"]))
        return {**row, "data": {} if kind is None else kind.redact(data)}

    def _about(self, user_id: UserId) -> str:
        made_at = self.clock().isoformat()
        return json.dumps({"account": str(user_id), "made_at": made_at}, indent=2) + "\n"


class CsvText(list[str]):
    """The lines of a CSV writer."""

    def write(self, line: str, /) -> None:
        """Append a line."""
        self.append(line)


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = CsvText()
    csv.writer(text).writerows(rows)
    return "".join(text)


def _cell(value: object) -> str:
    """Return the text of a cell; an apostrophe keeps spreadsheets from executing it."""
    if isinstance(value, bool):
        return str(value).lower()
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
