"""How a use case opens a transaction (to write) or a view (to read)."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias, TypeVar

Tx = TypeVar("Tx")

Begin: TypeAlias = Callable[[], AbstractAsyncContextManager[Tx]]
"""A transaction commits on a clean exit and rolls back on an exception: to abort, raise.

Either may raise Unavailable. After a broken commit nobody knows whether it happened, and that
is Unavailable too: what must not happen twice needs a key of its own.
"""
