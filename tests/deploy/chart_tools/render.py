"""Render deploy/chart with each of its value sets; print JSON: the name of a set to its templates.

With a JSON object as argument, render it instead, and print the error where Helm refuses it.
"""

import json
import sys
from pathlib import Path
from typing import Any

import helm_python as helm

CHART = Path(__file__).parents[3] / "deploy/chart"
NAMESPACE = "jubilee"
SUFFIX = "-values.yaml"


def main(given: str = "") -> int:
    """Print what values render to, as an installation and as an upgrade."""
    chart = helm.Chart.load(CHART)
    sets = {path.name.removesuffix(SUFFIX): path for path in sorted(CHART.glob(f"ci/*{SUFFIX}"))}
    if given:
        rendered = _tried(chart, json.loads(given))
    else:
        values = {name: helm.values_from_yaml(path.read_text()) for name, path in sets.items()}
        rendered = {name: _rendered(chart, each) for name, each in {"": {}, **values}.items()}
    json.dump(rendered, sys.stdout)
    return 0


def _tried(chart: helm.Chart, values: dict[str, Any]) -> dict[str, Any]:
    try:
        return _rendered(chart, values)
    except helm.HelmError as error:
        return {"error": str(error)}


def _rendered(chart: helm.Chart, values: dict[str, Any]) -> dict[str, Any]:
    release = {"name": "jubilee", "namespace": NAMESPACE}
    lint = helm.lint(CHART, values, strict=True, namespace=NAMESPACE)
    return {
        "values": values,
        "install": chart.render(values, **release, is_install=True),
        "upgrade": chart.render(values, **release, is_upgrade=True, revision=2),
        "lint": [said for said in lint["messages"] if said["error"] != "icon is recommended"],
    }


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
