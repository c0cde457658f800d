"""Renders of deploy/chart as files: a change of the chart shows what it does to each value set.

`python -m tests.deploy.golden` writes them. Rules and dashboards are named, not repeated.
"""

import re
from collections.abc import Iterator, Mapping

from tests.deploy.chart import DEFAULTS, releases
from tests.deploy.tools import ROOT

FOLDER = ROOT / "tests/deploy/golden"
OF_MONITORING = ("kind: PrometheusRule", "-dashboard-")
MANIFESTS = "plain"
"""The value set that deploy/manifests holds."""


def renders() -> Mapping[str, str]:
    """Return the files by their names."""
    found = {
        f"{name or 'defaults'}.yaml": "".join(_documents(release.install))
        for name, release in releases().items()
        if name != MANIFESTS
    }
    default = releases()[DEFAULTS]
    changed = {
        name: text for name, text in default.upgrade.items() if text != default.install[name]
    }
    return {**found, "defaults-upgrade.yaml": "".join(_documents(changed))}


def _documents(templates: Mapping[str, str]) -> Iterator[str]:
    """Generate the documents of all templates, each with its source, as `helm template` does."""
    for name, text in sorted(templates.items()):
        for document in re.split(r"(?m)^---\n", text):
            if document.strip():
                yield f"---\n# Source: {name}\n{_shortened(document).strip()}\n"


def _shortened(document: str) -> str:
    if any(mark in document for mark in OF_MONITORING):
        return (
            re.split(r"(?m)^(?:spec|data):\n", document)[0]
            + "# and the file of deploy/monitoring\n"
        )
    return document


def main() -> None:
    """Write the files, and remove those of value sets that are gone."""
    FOLDER.mkdir(exist_ok=True)
    found = renders()
    for path in FOLDER.glob("*.yaml"):
        if path.name not in found:
            path.unlink()
    for name, text in found.items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
