"""Print the HCL files of a folder as JSON, by their paths; runs in the environment of tools.py."""

import json
import sys
from pathlib import Path

import hcl2  # type: ignore[import-not-found]  # of checkov, in its own environment

FOLDER = Path(sys.argv[1])


def main() -> None:
    """Parse each file."""
    files = sorted(FOLDER.rglob("*.tf"))
    parsed = {str(file.relative_to(FOLDER)): hcl2.loads(file.read_text()) for file in files}
    json.dump(parsed, sys.stdout)


if __name__ == "__main__":
    main()
