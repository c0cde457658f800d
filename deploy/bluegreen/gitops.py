"""Two releases of the chart that a GitOps tool applies: a switch and a new image are commits.

A folder of the GitOps repository is one environment: `blue.yaml` and `green.yaml` are values of the
chart with `image.digest`, `httproute.yaml` is that of deploy/bluegreen, with the weights 100 and 0.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from deploy.bluegreen.colours import Colour, NotReadable, other
from deploy.bluegreen.prometheus import PrometheusFigures

WEIGHT = re.compile(
    r"(?P<name>(?P<colour>blue|green)-api\n(?: {10}.*\n)*?) {10}weight: (?P<weight>\d+)"
)
DIGEST = re.compile(r"^image:\n(?P<between>(?: {2}.*\n)*?) {2}digest: .*$", re.MULTILINE)
IS_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
TIMEOUT_S = 120.0
ATTEMPTS = 3


class Clone:
    """A clone of the GitOps repository, whose branch has an upstream."""

    def __init__(self, folder: Path) -> None:
        """Use the folder of an environment."""
        self._folder = folder

    def read(self, name: str) -> str:
        """Read a file as it was pushed last; raises NotReadable."""
        try:
            return (self._folder / name).read_text()
        except OSError as error:
            raise NotReadable(str(error)) from error

    def change(self, name: str, edit: Callable[[str], str], message: str) -> None:
        """Commit and push; a commit that was pushed meanwhile comes first. Raises NotReadable."""
        for _ in range(ATTEMPTS):
            self.git("pull", "--quiet", "--rebase")
            before = self.read(name)
            if (after := edit(before)) == before:
                return
            (self._folder / name).write_text(after)
            self.git("commit", "--quiet", "--message", message, "--", name)
            if self._pushed():
                return
        raise NotReadable(f"{self._folder / name}: others pushed at the same time")

    def changed_at(self, name: str) -> float:
        """Return when the file was changed last, as the commit says, in Unix seconds."""
        return float(self.git("log", "-1", "--format=%ct", "--", name) or 0)

    def git(self, *arguments: str) -> str:
        """Return the output of git; raises NotReadable."""
        ended = subprocess.run(  # noqa: S603  # no shell; the caller's words
            ("git", "-C", self._folder, *arguments),  # noqa: S607  # the git of the PATH
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if ended.returncode:
            raise NotReadable(f"git {arguments[0]}: {ended.stderr.strip()}")
        return ended.stdout

    def _pushed(self) -> bool:
        try:
            self.git("push", "--quiet")
        except NotReadable:
            self.git("reset", "--quiet", "--hard", "@{upstream}")
            return False
        return True


class GitRouter:
    """Changes the weights of an HTTPRoute, and the image of a colour."""

    def __init__(self, route: Path, figures: PrometheusFigures) -> None:
        """Use the HTTPRoute's file in a clone."""
        self._clone, self._route, self._figures = Clone(route.parent), route.name, figures

    def serving(self) -> Colour:
        """Return the colour whose weight is not 0; raises NotReadable where it is not one."""
        weights = WEIGHT.finditer(self._clone.read(self._route))
        found = {line["colour"] for line in weights if int(line["weight"])}
        if len(found) != 1:
            named = " and ".join(sorted(found)) or "no colour"
            raise NotReadable(f"{self._route}: {named} has a weight")
        return Colour(found.pop())

    def is_ready(self, colour: Colour) -> bool:
        """Return whether it runs what was committed, in as many APIs as the other, and all answer.

        A pod of it that answers a scrape has the schema: it starts after the migration.
        """
        since = self._clone.changed_at(f"{colour}.yaml")
        answering, there = self._figures.instances(colour, since)
        wanted, _ = self._figures.instances(other(colour), 0)
        return 0 < there == answering and (answering >= wanted or colour == self.serving())

    def switch(self, colour: Colour) -> None:
        """Give it all the weight."""
        self._clone.change(
            self._route,
            lambda text: WEIGHT.sub(lambda line: _weighed(line, colour), text),
            f"Send requests to {colour}",
        )

    def pin(self, digest: str) -> Colour:
        """Let the idle colour run the image with this digest; return the colour."""
        if not IS_DIGEST.fullmatch(digest):
            raise NotReadable(f"{digest!r} is no digest of an image")
        colour = other(self.serving())
        name = f"{colour}.yaml"
        if not DIGEST.search(self._clone.read(name)):
            raise NotReadable(f"{name} has no image.digest")
        self._clone.change(
            name,
            lambda text: DIGEST.sub(rf"image:\n\g<between>  digest: {digest}", text),
            f"Run {digest} as {colour}",
        )
        return colour


def _weighed(line: re.Match[str], colour: Colour) -> str:
    weight = 100 if line["colour"] == colour else 0
    return f"{line['name']}{' ' * 10}weight: {weight}"
