"""The time, as a port: nothing in the domain looks at a clock of its own."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Gives the present instant, aware, in UTC."""
