"""Package deploy/chart into a folder; print JSON: the names of its files to their contents."""

import json
import sys
from pathlib import Path

import helm_python as helm

CHART = Path(__file__).parents[3] / "deploy/chart"


def main(folder: str) -> int:
    """Print what a user of the package has, beside the templates."""
    with helm.Chart.load(helm.package(CHART, destination=folder)) as chart:
        json.dump({file["name"]: file["data"] for file in chart.files}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
