"""Restarting a process that died."""

from jubilee.entrypoints.local.restarts import RestartPolicy


class FakeProcess:
    """A process with an exit code and a clock that tests set."""

    def __init__(self) -> None:
        """Create the process without starting it."""
        self.starts = 0
        self.code: int | None = None
        self.refuses = False
        self.time = 0.0
        self.reports: list[tuple[str, float]] = []

    def start(self) -> None:
        if self.refuses:
            raise OSError("no room")
        self.starts += 1
        self.code = None

    def report(self, reason: str, delay: float) -> None:
        self.reports.append((reason, delay))

    def policy(self) -> RestartPolicy:
        policy = RestartPolicy("api", self.start, lambda: self.code, lambda: self.time)
        policy.start_now()
        return policy


def delays(process: FakeProcess, policy: RestartPolicy, deaths: int) -> list[float]:
    """Return the delays before the restarts after this many deaths in a row."""
    found = []
    for _ in range(deaths):
        process.code = 1
        assert not policy.check(process.report)
        found.append(policy.wait() or 0.0)
        process.time += found[-1]
        assert policy.check(process.report)
    return found


def test_restarts_in_a_row_have_growing_delays() -> None:
    process = FakeProcess()
    assert delays(process, process.policy(), 8) == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert process.starts == 9


def test_a_healthy_minute_resets_the_delay() -> None:
    process = FakeProcess()
    policy = process.policy()
    delays(process, policy, 5)
    process.time += 60
    assert delays(process, policy, 2) == [0.5, 1]


def test_a_death_is_reported_once() -> None:
    process = FakeProcess()
    policy = process.policy()
    assert policy.wait() is None
    process.code = 1
    assert [policy.check(process.report) for _ in range(3)] == [False] * 3
    assert process.reports == [("api ended with code 1", 0.5)]


def test_a_restart_that_fails_is_tried_again() -> None:
    process = FakeProcess()
    policy = process.policy()
    process.code, process.refuses = 1, True
    policy.check(process.report)
    process.time = 0.5
    assert not policy.check(process.report)
    assert process.reports[-1] == ("no room", 1.0)
    process.time, process.refuses = 1.5, False
    assert policy.check(process.report)
