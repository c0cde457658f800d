"""F: Litestar as its full-stack template has it: Advanced Alchemy's plugin and a repository."""

import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from uuid import UUID

from advanced_alchemy.base import DefaultBase
from advanced_alchemy.extensions.litestar import (
    EngineConfig,
    SQLAlchemyAsyncConfig,
    SQLAlchemyPlugin,
)
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from litestar import Litestar, get
from litestar.di import Provide
from litestar.exceptions import NotFoundException
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from tests.benchmarks.peers.serving import DATABASE_URL, serve

config = SQLAlchemyAsyncConfig(
    connection_string=sys.argv[DATABASE_URL].replace("postgresql://", "postgresql+asyncpg://"),
    engine_config=EngineConfig(pool_size=20, max_overflow=0),  # as the other peers have
)


class Birthday(DefaultBase):
    """The columns that the endpoint needs."""

    __tablename__ = "birthdays"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name_key: Mapped[str]
    date_of_birth: Mapped[date | None]


class BirthdayRepository(SQLAlchemyAsyncRepository[Birthday]):
    """Finds birthdays."""

    model_type = Birthday


class Greeting(Struct):
    """The reply."""

    message: str


async def provide_birthdays(db_session: AsyncSession) -> AsyncIterator[BirthdayRepository]:
    """A repository for each request."""
    yield BirthdayRepository(session=db_session)


@get("/hello/{username:str}", dependencies={"birthdays": Provide(provide_birthdays)})
async def hello(username: str, birthdays: BirthdayRepository) -> Greeting:
    """Greet the name."""
    found = await birthdays.get_one_or_none(name_key=username.lower())
    if found is None or found.date_of_birth is None:
        raise NotFoundException
    days = (datetime.now(UTC).date() - found.date_of_birth).days % 365
    return Greeting(message=f"Hello, {username}! Your birthday is in {days} day(s)")


app = Litestar([hello], plugins=[SQLAlchemyPlugin(config)])

if __name__ == "__main__":
    serve(app)
