"""Stored answers of requests in memory."""

from collections.abc import MutableMapping
from dataclasses import dataclass

from jubilee.domain.idempotency.answers import Answer, AnswerRepository, IdempotencyKeyInUse
from jubilee.domain.identity import UserId
from tests.fakes.rows import FakeUnitOfWork, unique_violation


@dataclass(frozen=True, slots=True)
class FakeAnswers(AnswerRepository):
    """Stored answers in a dict; their content is sealed."""

    rows: MutableMapping[bytes, Answer]
    unit: FakeUnitOfWork

    async def find(self, request_id: bytes) -> bytes | None:
        found = self.rows.get(request_id)
        return None if found is None else found.content

    async def claim(self, request_id: bytes) -> bytes | None:
        locked = self.unit.try_hold("answer", request_id)
        found = await self.find(request_id)
        if found is None and not locked:
            raise IdempotencyKeyInUse
        return found

    async def add(self, request_id: bytes, sealed: bytes, account: UserId | None) -> None:
        if request_id in self.rows:
            raise self.unit.fail(unique_violation("pk_idempotency_keys"))
        self.rows[request_id] = Answer(sealed, account)
