"""Translation of the driver's exceptions around a block, as the pool does for each use."""

from collections.abc import Iterator
from contextlib import contextmanager

from jubilee.adapters.postgres.errors import domain_error


@contextmanager
def domain_errors() -> Iterator[None]:
    """Translate the driver's exceptions into those of the domain."""
    try:
        yield
    except Exception as error:
        translated = domain_error(error)
        if translated is None:
            raise
        raise translated from error
