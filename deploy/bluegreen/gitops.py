"""Requests routed by an HTTPRoute whose file a GitOps tool applies: a switch is a commit.

The file is deploy/bluegreen/httproute.yaml, with the weights 100 and 0.
"""

import re
import subprocess
from pathlib import Path

from deploy.bluegreen.colours import Colour, NotReadable, other
from deploy.bluegreen.prometheus import PrometheusFigures

WEIGHT = re.compile(
    r"(?P<colour>blue|green)\n(?P<between>(?: {10}.*\n)*?) {10}weight: (?P<weight>\d+)"
)
TIMEOUT_S = 120.0
ATTEMPTS = 3


class GitRouter:
    """Changes the weights in a clone, commits and pushes; the cluster follows."""

    def __init__(self, route: Path, figures: PrometheusFigures) -> None:
        """Use the file `route` in a clone whose branch has an upstream."""
        self._route, self._figures = route, figures

    def serving(self) -> Colour:
        """Return the colour whose weight is not 0; raises NotReadable where it is not one."""
        found = {line["colour"] for line in self._weights() if int(line["weight"])}
        if len(found) != 1:
            raise NotReadable(
                f"{self._route}: {' and '.join(sorted(found)) or 'no colour'} has a weight"
            )
        return Colour(found.pop())

    def is_ready(self, colour: Colour) -> bool:
        """Return whether every API of it answers Prometheus, at least as many as of the other."""
        answering, there = self._figures.instances_up(colour)
        wanted, _ = self._figures.instances_up(other(colour))
        return 0 < there == answering and (answering >= wanted or colour == self.serving())

    def switch(self, colour: Colour) -> None:
        """Give it all the weight, by a commit that is pushed; raises NotReadable."""
        for _ in range(ATTEMPTS):
            self._git("pull", "--quiet", "--rebase")
            if self.serving() == colour:
                return
            self._route.write_text(WEIGHT.sub(lambda line: _weighed(line, colour), self._text()))
            self._git(
                "commit", "--quiet", "--message", f"Send requests to {colour}", self._route.name
            )
            if self._pushed():
                return
        raise NotReadable(f"{self._route}: other commits were pushed at the same time")

    def _weights(self) -> list[re.Match[str]]:
        return list(WEIGHT.finditer(self._text()))

    def _text(self) -> str:
        try:
            return self._route.read_text()
        except OSError as error:
            raise NotReadable(str(error)) from error

    def _pushed(self) -> bool:
        try:
            self._git("push", "--quiet")
        except NotReadable:
            self._git("reset", "--quiet", "--hard", "@{upstream}")
            return False
        return True

    def _git(self, *arguments: str) -> None:
        ended = subprocess.run(  # noqa: S603  # the arguments are above
            ("git", "-C", self._route.parent, *arguments),  # noqa: S607  # of the PATH
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if ended.returncode:
            raise NotReadable(f"git {arguments[0]}: {ended.stderr.strip()}")


def _weighed(line: re.Match[str], colour: Colour) -> str:
    weight = 100 if line["colour"] == colour else 0
    return f"{line['colour']}\n{line['between']}{' ' * 10}weight: {weight}"
