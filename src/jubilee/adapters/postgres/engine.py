"""SQLAlchemy's engine from a URL as people write it."""

from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

DRIVER = "postgresql+asyncpg"


def driver_url(url: str) -> URL:
    """`postgres://` and `postgresql://` mean asyncpg; libpq's `sslmode` is its `ssl`."""
    parsed = make_url(url).set(drivername=DRIVER)
    if "sslmode" not in parsed.query:
        return parsed
    mode = parsed.query["sslmode"]
    return parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})


def open_engine(url: str, *, patience: float) -> AsyncEngine:
    """An engine without a pool, in autocommit: whoever wants a transaction begins one.

    `patience` bounds opening a connection, in seconds.
    """
    return create_async_engine(
        driver_url(url),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": patience},
    )
