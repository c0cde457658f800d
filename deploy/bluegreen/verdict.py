"""The judgement of a new version against the previous one."""

from dataclasses import dataclass

from deploy.bluegreen.figures import Figures


@dataclass(frozen=True, slots=True)
class Limits:
    """What a new version may do worse than the previous one, and what no version may do."""

    max_error_ratio: float = 0.05
    max_p95_s: float = 1.0
    error_ratio_margin: float = 0.01
    p95_factor: float = 2.0
    p95_margin_s: float = 0.1
    min_requests: int = 50
    min_errors: int = 5


def complaint(new: Figures, previous: Figures, limits: Limits) -> str | None:
    """Return why the new version is not good enough; None if it is, or too little is known."""
    if new.requests < limits.min_requests:
        return None
    allowed = min(limits.max_error_ratio, previous.error_ratio + limits.error_ratio_margin)
    if new.errors >= limits.min_errors and new.error_ratio > allowed:
        return (
            f"{new.error_ratio:.2%} of {new.requests} requests fail; {allowed:.2%} are allowed, "
            f"for {previous.error_ratio:.2%} failed before"
        )
    slower = max(limits.p95_factor * previous.p95_s, previous.p95_s + limits.p95_margin_s)
    allowed_s = min(limits.max_p95_s, slower)
    if new.p95_s > allowed_s:
        return (
            f"p95 is {new.p95_s * 1000:.0f} ms; {allowed_s * 1000:.0f} ms are allowed, "
            f"for it was {previous.p95_s * 1000:.0f} ms before"
        )
    return None
