"""The restarts of what died."""

from jubilee.entrypoints.local.restarts import RestartPolicy


class Mortal:
    """A process that dies when told to, on a clock that is told the time."""

    def __init__(self) -> None:
        """It was never started."""
        self.starts = 0
        self.code: int | None = None
        self.refuses = False
        self.time = 0.0
        self.said: list[str] = []

    def start(self) -> None:
        if self.refuses:
            raise OSError("no room")
        self.starts += 1
        self.code = None

    def kept(self) -> RestartPolicy:
        kept = RestartPolicy("api", self.start, lambda: self.code, lambda: self.time)
        kept.start_now()
        return kept


def delays(mortal: Mortal, kept: RestartPolicy, deaths: int) -> list[float]:
    """How long each of so many deaths in a row keeps it away."""
    found = []
    for _ in range(deaths):
        mortal.code = 1
        assert not kept.check(mortal.said.append)
        found.append(kept.wait() or 0.0)
        mortal.time += found[-1]
        assert kept.check(mortal.said.append)
    return found


def test_each_restart_in_a_row_waits_longer_up_to_half_a_minute() -> None:
    mortal = Mortal()
    assert delays(mortal, mortal.kept(), 8) == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert mortal.starts == 9


def test_a_healthy_minute_forgets_the_past() -> None:
    mortal = Mortal()
    kept = mortal.kept()
    delays(mortal, kept, 5)
    mortal.time += 60
    assert delays(mortal, kept, 2) == [0.5, 1]


def test_it_is_left_alone_while_it_runs_and_while_it_waits() -> None:
    mortal = Mortal()
    kept = mortal.kept()
    assert kept.wait() is None
    mortal.code = 1
    assert [kept.check(mortal.said.append) for _ in range(3)] == [False] * 3
    assert mortal.said == ["api ended with code 1; starting api again in 0.5 s"]


def test_a_restart_that_fails_is_tried_again() -> None:
    mortal = Mortal()
    kept = mortal.kept()
    mortal.code, mortal.refuses = 1, True
    kept.check(mortal.said.append)
    mortal.time = 0.5
    assert not kept.check(mortal.said.append)
    assert mortal.said[-1] == "no room; starting api again in 1 s"
    mortal.time, mortal.refuses = 1.5, False
    assert kept.check(mortal.said.append)
