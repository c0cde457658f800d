"""How long a job waits for its next attempt, and when there is none."""

from collections.abc import Mapping, Sequence

MAX_ATTEMPTS = 10
DAY_OF_ATTEMPTS = 32  # with their backoff, about a day
MAX_CRASHES = 3
"""Default limit of the attempts of one job whose worker died (`JOB_MAX_CRASHES`)."""

MAX_BACKOFF_S = 3600.0
JITTER_RATIO = 0.1  # part of the backoff


def backoff(attempt: int, chance: float) -> float:
    """Seconds until the next attempt after a failure; `chance`, from 0 to 1, spreads them."""
    wait = min(MAX_BACKOFF_S, float(attempt**4))
    return wait * (1 - JITTER_RATIO + 2 * JITTER_RATIO * chance)


def max_crash_backoff(crashes: int) -> float:
    """Longest wait in seconds after so many crashes: none after the first, then the backoff.

    A job waits for a random part of it. Jobs that ran on the same worker are thereby separated: the
    one that ends its workers does not take the others with it each time.
    """
    return backoff(crashes, 1) if crashes > 1 else 0.0


def max_crash_backoffs(max_crashes: int) -> Sequence[float]:
    """The longest waits after the first, second … crash."""
    return [max_crash_backoff(crashes) for crashes in range(1, max_crashes + 1)]


def lease_expired_error() -> Mapping[str, object]:
    """Error of an attempt that stopped extending its lease."""
    return {"code": "lease_expired", "message": "The worker went away."}


def max_crashes_error(max_crashes: int) -> Mapping[str, object]:
    """Error of a job that is dead because its workers died."""
    times = "once" if max_crashes == 1 else f"{max_crashes} times"
    return {"code": "worker_crashed", "message": f"The job took its worker down {times}."}
