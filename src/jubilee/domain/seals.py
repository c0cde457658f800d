"""Which key has sealed what is stored."""

from collections import Counter
from enum import StrEnum
from typing import TypeAlias


class SealState(StrEnum):
    """By which key a secret is sealed."""

    CURRENT = "current"
    """By that of SECRET_KEY."""
    PREVIOUS = "previous"
    """By one of SECRET_KEY_PREVIOUS."""
    UNREADABLE = "unreadable"
    """By a key that is in neither, or the secret was altered."""


SealCounts: TypeAlias = Counter[SealState]
"""How many secrets are sealed by which key."""
