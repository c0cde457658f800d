"""What requests with an idempotency key do, and whether it had its effect."""

from collections.abc import Awaitable, Callable

from jubilee.domain.idempotency.answers import Answer, KeyedRequest
from jubilee.domain.idempotency.commit import answered
from jubilee.domain.users.user import User
from tests.contracts.conftest import Database

Work = Callable[[], Awaitable[Answer]]
REQUEST = KeyedRequest(scope="anonymous POST /users", key="k-1", fingerprint=b"body")
ANSWER = Answer(b"201", None)


async def find(database: Database, user: User) -> User | None:
    async with database.read() as view:
        found: User | None = await view.users.find_by_login(user.email)
        return found


def adding(database: Database, user: User, answer: Answer = ANSWER) -> Work:
    async def add() -> Answer:
        async with answered(database.write) as tx:
            await tx.users.add(user)
        return answer

    return add


async def fail() -> Answer:
    raise AssertionError("the work was done again")
