"""A release: switch to the new colour, watch it against the previous one, promote or roll back."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from deploy.bluegreen.colours import Colour, FiguresReader, NotReadable, TrafficRouter, other
from deploy.bluegreen.figures import Figures, Reading, increase
from deploy.bluegreen.verdict import Limits, complaint


class NotReleased(Exception):
    """The previous colour has the requests; the message says why."""


@dataclass(frozen=True, slots=True)
class Durations:
    """Seconds."""

    ready_within_s: float = 300.0
    baseline_s: float = 60.0
    watch_s: float = 600.0
    window_s: float = 60.0
    poll_s: float = 2.0
    unreadable_s: float = 5.0
    roll_back_within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Release:
    """The steps, over any router and any source of figures."""

    router: TrafficRouter
    figures: FiguresReader
    limits: Limits
    durations: Durations
    say: Callable[[str], None]

    def run(self) -> Colour:
        """Return the colour that was promoted; raises NotReleased."""
        try:
            previous = self.router.serving()
            new = other(previous)
            self._wait_until_ready(new)
            baseline = self._measure(previous)
        except NotReadable as error:
            raise NotReleased(f"nothing was switched: {error}") from error
        self.say(f"{previous}, before the switch: {baseline}")
        self._switch_and_watch(new, previous, baseline)
        return new

    def _wait_until_ready(self, new: Colour) -> None:
        until = time.monotonic() + self.durations.ready_within_s
        while not self.router.is_ready(new):
            if time.monotonic() > until:
                within = f"{self.durations.ready_within_s:g} s"
                raise NotReleased(f"nothing was switched: {new} is not ready within {within}")
            time.sleep(self.durations.poll_s)

    def _measure(self, previous: Colour) -> Figures:
        before = self.figures.read(previous)
        time.sleep(self.durations.baseline_s)
        return increase(before, self.figures.read(previous))

    def _switch_and_watch(self, new: Colour, previous: Colour, baseline: Figures) -> None:
        """Roll back if the watch ends early: by a complaint, an error or a signal."""
        try:
            start = self.figures.read(new)
            self.router.switch(new)
            self.say(f"switched to {new}")
            in_all = _Watch(self, new, baseline).run(start)
        except BaseException as error:
            reason = f"{new}: {str(error) or type(error).__name__}"
            self._roll_back(previous, reason)
            raise NotReleased(f"rolled back to {previous}: {reason}") from error
        self.say(f"{new}, since the switch: {in_all}; promoted")

    def _roll_back(self, previous: Colour, reason: str) -> None:
        until = time.monotonic() + self.durations.roll_back_within_s
        while True:
            try:
                return self.router.switch(previous)
            except NotReadable as error:
                if time.monotonic() > until:
                    raise NotReleased(f"NOT rolled back ({error}): {reason}") from error
                time.sleep(self.durations.poll_s)


class _Watch:
    """Readings of the new colour since the switch, judged again at each poll."""

    def __init__(self, release: Release, new: Colour, baseline: Figures) -> None:
        self._release, self._new, self._baseline = release, new, baseline
        self._durations, self._limits = release.durations, release.limits
        self._readings: deque[tuple[float, Reading]] = deque()
        self._read_at = time.monotonic()

    def run(self, start: Reading) -> Figures:
        """Return all that it did; raises NotReleased with the complaint."""
        self._readings.append((self._read_at, start))
        until = self._read_at + self._durations.watch_s
        while time.monotonic() < until:
            time.sleep(self._durations.poll_s)
            if self._read():
                self._judge(increase(self._readings[0][1], self._readings[-1][1]))
        in_all = increase(start, self._readings[-1][1])
        self._judge(in_all)
        if in_all.requests < self._limits.min_requests:
            raise NotReleased(
                f"{in_all.requests} requests in {self._durations.watch_s:g} s are too few to "
                f"judge it; {self._limits.min_requests} are needed"
            )
        return in_all

    def _read(self) -> bool:
        now = time.monotonic()
        try:
            self._readings.append((now, self._reading()))
        except NotReadable as error:
            if now - self._read_at > self._durations.unreadable_s:
                raise NotReleased(str(error)) from error
            return False
        self._read_at = now
        # The first one left is the last that is older than the window.
        while len(self._readings) > 1 and self._readings[1][0] <= now - self._durations.window_s:
            self._readings.popleft()
        return True

    def _reading(self) -> Reading:
        if not self._release.router.is_ready(self._new):
            raise NotReadable("an API of it is not ready any more")
        return self._release.figures.read(self._new)

    def _judge(self, seen: Figures) -> None:
        if reason := complaint(seen, self._baseline, self._limits):
            raise NotReleased(reason)
