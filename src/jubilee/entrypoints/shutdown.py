"""How long each step of a shutdown may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutdownBudget:
    """Seconds for each step after a signal, in the order in which a process takes them."""

    drain_s: float
    """SHUTDOWN_TIMEOUT: requests and jobs may end by themselves."""
    abandon_s: float = 6.0
    """Interrupted jobs stop, and are returned without counting as an attempt."""
    cancel_s: float = 1.0
    """Cancelled tasks end: the worker's, those of jobs, and those of the adapters."""
    leave_s: float = 1.0
    """The worker leaves the registry."""
    flush_s: float = 5.0
    """Telemetry sends its last spans, metrics, log lines and errors, in parallel."""
    margin_s: float = 2.0
    """Connections close and the interpreter exits."""

    @property
    def process_s(self) -> float:
        """The longest that a process takes: a worker, since the API skips some of the steps."""
        after_drain = self.abandon_s + 3 * self.cancel_s + self.leave_s + self.flush_s
        return self.drain_s + after_drain

    @property
    def kill_after_s(self) -> float:
        """When `jubilee up` kills a process that has not ended."""
        return self.process_s + self.margin_s
