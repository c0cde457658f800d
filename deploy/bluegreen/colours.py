"""The two versions, and what moves requests between them."""

from enum import StrEnum
from typing import Protocol

from deploy.bluegreen.figures import Reading


class Colour(StrEnum):
    """One of the two places where a version runs."""

    BLUE = "blue"
    GREEN = "green"


class NotReadable(Exception):
    """The router or the figures cannot be read or changed; the message says which and why."""


class TrafficRouter(Protocol):
    """Moves requests from one colour to the other."""

    def serving(self) -> Colour:
        """Return the colour that gets requests."""
        ...

    def is_ready(self, colour: Colour) -> bool:
        """Return whether every API of it is ready for requests."""
        ...

    def switch(self, colour: Colour) -> None:
        """Send all new requests to this colour."""
        ...


class FiguresReader(Protocol):
    """Reads the counters of a colour."""

    def read(self, colour: Colour) -> Reading:
        """Return them as they are now."""
        ...


def other(colour: Colour) -> Colour:
    """Return the other colour."""
    return Colour.GREEN if colour is Colour.BLUE else Colour.BLUE
