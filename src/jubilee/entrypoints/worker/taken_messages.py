"""What became of the messages that a worker has taken from its queue."""

from collections.abc import Sequence
from time import monotonic

UNANSWERED_S = 0.5  # a claim without an answer for so long: the database may be out of reach
CLAIMED_S = 0.3  # a job that runs for so long does not end at once


class TakenMessages:
    """Messages by name, from being taken to the end of their job."""

    def __init__(self) -> None:
        self._asked: dict[str, float] = {}
        self._claimed: dict[str, float] = {}
        self._returned: set[str] = set()

    def taken(self, name: str) -> None:
        """Its job is being claimed."""
        self._asked[name] = monotonic()

    def claimed(self, name: str) -> None:
        """Its job is ours: the message has done its work."""
        self._asked.pop(name, None)
        self._claimed[name] = monotonic()

    def give_back(self, name: str) -> None:
        """Its job could not be claimed, and is to be left to another worker."""
        self._returned.add(name)

    def ended(self, name: str) -> bool:
        """Forget it; whether it goes back to the queue."""
        self._asked.pop(name, None)
        self._claimed.pop(name, None)
        goes_back = name in self._returned
        self._returned.discard(name)
        return goes_back

    @property
    def is_unanswered(self) -> bool:
        """Whether a claim waits for an answer for too long; the first one is the oldest."""
        oldest = next(iter(self._asked.values()), None)
        return oldest is not None and monotonic() - oldest > UNANSWERED_S

    def removable(self) -> Sequence[str]:
        """Those of jobs that run for a while: other workers would take them in vain."""
        before = monotonic() - CLAIMED_S
        return [name for name, at in self._claimed.items() if at < before]

    def removed(self, names: Sequence[str]) -> None:
        """They are not in the queue any more."""
        for name in names:
            self._claimed.pop(name, None)
