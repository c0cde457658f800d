"""D: FastAPI with the asynchronous ORM as its documentation has it, on a large pool."""

import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.benchmarks.peers.serving import DATABASE_URL, serve

engine = create_async_engine(
    sys.argv[DATABASE_URL].replace("postgresql://", "postgresql+asyncpg://"),
    pool_size=24,  # more are slower, and all servers together have a hundred
    max_overflow=0,
)
new_session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    """The declarative base."""


class Birthday(Base):
    """The columns that the endpoint needs."""

    __tablename__ = "birthdays"

    id: Mapped[str] = mapped_column(primary_key=True)
    name_key: Mapped[str]
    date_of_birth: Mapped[date | None]


class Greeting(BaseModel):
    """The reply."""

    message: str


async def session() -> AsyncIterator[AsyncSession]:
    """A session for each request."""
    async with new_session() as opened:
        yield opened


SESSION = Depends(session)


@app.get("/hello/{username}", response_model=Greeting)
async def hello(username: str, opened: AsyncSession = SESSION) -> Greeting:
    """Greet the name."""
    query = select(Birthday).where(Birthday.name_key == username.lower())
    found = (await opened.execute(query)).scalar_one_or_none()
    if found is None or found.date_of_birth is None:
        raise HTTPException(404)
    days = (datetime.now(UTC).date() - found.date_of_birth).days % 365
    return Greeting(message=f"Hello, {username}! Your birthday is in {days} day(s)")


if __name__ == "__main__":
    serve(app)
