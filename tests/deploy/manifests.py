"""deploy/manifests: the chart rendered for clusters without Helm.

`python -m tests.deploy.manifests` writes it.
"""

import re
from collections.abc import Iterator

from tests.deploy.chart import releases
from tests.deploy.golden import MANIFESTS
from tests.deploy.tools import ROOT

FILE = ROOT / "deploy/manifests/jubilee.yaml"
HEAD = """\
# Made by `make manifests` from deploy/chart. README.md beside it says how to use it.
"""
FIRST = ("Namespace", "ServiceAccount", "NetworkPolicy", "ConfigMap", "Service", "Job")
"""Kinds in the order in which `kubectl apply` needs them; others follow."""


def text() -> str:
    """Return the objects of an installation, without tests."""
    return HEAD + "".join(f"---\n{document}\n" for document in sorted(_documents(), key=_rank))


def _documents() -> Iterator[str]:
    for name, template in sorted(releases()[MANIFESTS].install.items()):
        if not name.endswith("NOTES.txt") and "/tests/" not in name:
            documents = re.split(r"(?m)^---\n", template)
            yield from (document.strip() for document in documents if document.strip())


def _rank(document: str) -> int:
    found = re.search(r"(?m)^kind: (\w+)$", document)
    kind = found[1] if found else ""
    return FIRST.index(kind) if kind in FIRST else len(FIRST)


if __name__ == "__main__":
    FILE.write_text(text())
