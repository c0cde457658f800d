"""The port by which use cases open a transaction (to write) or a view (to read)."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias, TypeVar

Tx = TypeVar("Tx")

Begin: TypeAlias = Callable[[], AbstractAsyncContextManager[Tx]]
"""A transaction commits on a clean exit and rolls back on an exception: to abort, raise.

`write_one` opens no transaction: its single statement commits by itself, at a third of the price,
or together with those of other callers.

A view for lists (`read_list`) may lag behind what is committed, though never behind the writes of
the caller whose request it serves; what decides about rights is never read from one.

All may raise Unavailable, also if the outcome of a commit is unknown: effects that must not be
repeated need a unique key.
"""
