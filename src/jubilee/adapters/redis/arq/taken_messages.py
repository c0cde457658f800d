"""The state of the messages that a queue worker has taken from its queue."""

from collections.abc import Sequence
from time import monotonic

CLAIM_TIMEOUT_S = 0.25  # an older claim without an answer: the database may be unreachable
REMOVAL_DELAY_S = 0.3  # most jobs have ended by then, and ARQ removes their messages itself


class TakenMessages:
    """Messages by ARQ id, from being taken until their job has ended."""

    def __init__(self) -> None:
        self._claim_started: dict[str, float] = {}
        self._claimed_at: dict[str, float] = {}
        self._returned: set[str] = set()

    def taken(self, message: str) -> None:
        """Record that the claim of its job begins."""
        self._claim_started[message] = monotonic()

    def claimed(self, message: str) -> None:
        """Record that this worker has the job: the message is not needed any more."""
        self._claim_started.pop(message, None)
        self._claimed_at[message] = monotonic()

    def give_back(self, message: str) -> None:
        """Record that its job could not be claimed: the message is left to another worker."""
        self._returned.add(message)

    def ended(self, message: str) -> bool:
        """Forget the message; returns whether it goes back to the queue."""
        self._claim_started.pop(message, None)
        self._claimed_at.pop(message, None)
        is_returned = message in self._returned
        self._returned.discard(message)
        return is_returned

    @property
    def claims_are_stuck(self) -> bool:
        """Whether the oldest claim, which is the first, has been waiting for too long."""
        oldest = next(iter(self._claim_started.values()), None)
        return oldest is not None and monotonic() - oldest > CLAIM_TIMEOUT_S

    def removable(self) -> Sequence[str]:
        """List messages of jobs that have run for a while: other workers could not claim them."""
        before = monotonic() - REMOVAL_DELAY_S
        return [message for message, at in self._claimed_at.items() if at < before]

    def removed(self, messages: Sequence[str]) -> None:
        """Record that they are no longer in the queue."""
        for message in messages:
            self._claimed_at.pop(message, None)
