"""E: FastAPI as most tutorials have it: synchronous endpoints, psycopg2, a middleware, Prometheus.

The endpoint opens its session itself: where a dependency does, as tutorials have it, 64 connections
at once keep all threads waiting for the pool until it times out.
"""

import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from uuid import uuid4

from fastapi import FastAPI, HTTPException, Request, Response
from prometheus_fastapi_instrumentator import Instrumentator
from pydantic import BaseModel
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from tests.benchmarks.peers.serving import DATABASE_URL, serve

engine = create_engine(
    sys.argv[DATABASE_URL].replace("postgresql://", "postgresql+psycopg2://"),
    pool_size=20,  # more are slower, and all servers together have a hundred
    max_overflow=0,
)
new_session = sessionmaker(engine, expire_on_commit=False)
app = FastAPI()
Instrumentator().instrument(app).expose(app)


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


@app.middleware("http")
async def add_request_id(
    request: Request, answer: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Give each response an id."""
    response = await answer(request)
    response.headers["X-Request-ID"] = uuid4().hex
    return response


@app.get("/hello/{username}", response_model=Greeting)
def hello(username: str) -> Greeting:
    """Greet the name."""
    query = select(Birthday).where(Birthday.name_key == username.lower())
    with new_session() as session:
        found = session.execute(query).scalar_one_or_none()
    if found is None or found.date_of_birth is None:
        raise HTTPException(404)
    days = (datetime.now(UTC).date() - found.date_of_birth).days % 365
    return Greeting(message=f"Hello, {username}! Your birthday is in {days} day(s)")


if __name__ == "__main__":
    serve(app)
