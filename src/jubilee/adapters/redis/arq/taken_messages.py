"""The state of the messages that a queue worker has taken from its queue."""

from collections.abc import Sequence
from time import monotonic

CLAIM_TIMEOUT_S = 0.25  # an older claim without an answer: the database may be unreachable


class TakenMessages:
    """Messages by ARQ id, from being taken until Redis knows what has become of them."""

    def __init__(self) -> None:
        self._claim_started: dict[str, float] = {}
        self._removable: dict[str, None] = {}
        self._returned: dict[str, None] = {}

    def taken(self, message: str) -> None:
        """Record that the claim of its job begins."""
        self._claim_started[message] = monotonic()

    def unneeded(self, message: str) -> None:
        """Record that this worker has the job, or that none can claim it by this message."""
        if self._claim_started.pop(message, None) is not None:
            self._removable[message] = None

    def give_back(self, message: str) -> None:
        """Record that its job could not be claimed: the message is left to another worker."""
        self._claim_started.pop(message, None)
        self._returned[message] = None

    @property
    def claims_are_stuck(self) -> bool:
        """Whether the oldest claim, which is the first, has been waiting for too long."""
        oldest = next(iter(self._claim_started.values()), None)
        return oldest is not None and monotonic() - oldest > CLAIM_TIMEOUT_S

    @property
    def removable(self) -> Sequence[str]:
        """Messages to remove from the queue."""
        return list(self._removable)

    @property
    def returned(self) -> Sequence[str]:
        """Messages to offer to other workers."""
        return list(self._returned)

    def reported(self, messages: Sequence[str]) -> None:
        """Record that Redis knows it."""
        for message in messages:
            self._removable.pop(message, None)
            self._returned.pop(message, None)
