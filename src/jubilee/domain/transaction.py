"""The port by which use cases open a transaction (to write) or a view (to read)."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias, TypeVar

Tx = TypeVar("Tx")

Begin: TypeAlias = Callable[[], AbstractAsyncContextManager[Tx]]
"""A transaction commits on a clean exit and rolls back on an exception: to abort, raise.

Both may raise Unavailable, also if the outcome of a commit is unknown: effects that must not be
repeated need a unique key.
"""
