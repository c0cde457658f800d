"""Clocks, as ports: the domain reads no clock of its own."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

# Ports

Clock: TypeAlias = Callable[[], datetime]
"""Returns the current time, aware, in UTC."""

Monotonic: TypeAlias = Callable[[], float]
"""Returns seconds that never run backwards, from an unspecified start: for durations."""
