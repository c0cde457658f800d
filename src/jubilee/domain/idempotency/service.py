"""Serves each request with an idempotency key once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from jubilee.domain.errors import DomainError, Unavailable
from jubilee.domain.idempotency.answers import (
    MAX_ANSWER_BYTES,
    Answer,
    AnswerCipher,
    AnswerTooLarge,
    AnswerTransaction,
    AnswerView,
    IdempotencyKeyInUse,
    KeyedRequest,
)
from jubilee.domain.idempotency.commit import AlreadyAnswered, DeferredCommit
from jubilee.domain.transaction import Begin


@dataclass(frozen=True, slots=True)
class IdempotencyService:
    """Stores answers in the transaction of their effect, and returns them to repetitions."""

    write: Begin[AnswerTransaction]
    read: Begin[AnswerView]
    cipher: AnswerCipher

    async def serve(
        self, request: KeyedRequest, work: Callable[[], Awaitable[Answer]], *, look_first: bool
    ) -> bytes | None:
        """Do the work and store its answer, or return the stored answer of an earlier request.

        The work is claimed by its transaction; `look_first` looks for an answer before the work as
        well, for work that costs much or may be refused before its transaction. A refusal is raised
        and nothing is stored. Raises IdempotencyKeyInUse and IdempotencyKeyReused.
        """
        if look_first and (known := await self._find(request)) is not None:
            return known
        try:
            await self._work(request, work)
        except AlreadyAnswered as found:
            return self.cipher.open(request, found.sealed)
        except (IdempotencyKeyInUse, Unavailable):
            raise
        except DomainError:
            # The effect of a parallel request with this key may be what refused this one.
            known = await self._find(request)
            if known is None:
                raise
            return known
        return None

    async def _work(self, request: KeyedRequest, work: Callable[[], Awaitable[Answer]]) -> None:
        async with DeferredCommit(request.id) as deferred:
            answer = await work()
            if len(answer.content) > MAX_ANSWER_BYTES:
                raise AnswerTooLarge
            async with deferred.join(self.write) as tx:
                sealed = self.cipher.seal(request, answer.content)
                await tx.answers.add(request.id, sealed, answer.account)

    async def _find(self, request: KeyedRequest) -> bytes | None:
        async with self.read() as view:
            sealed = await view.answers.find(request.id)
        return None if sealed is None else self.cipher.open(request, sealed)
