"""Count suppressed lint and type errors of the package, as `make lint` prints them."""

import re
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"
SUPPRESSION = re.compile(r"# (?:noqa|type: ignore|pragma: no cover)")
MAX_PER_1000_LINES = 1.2


def per_1000_lines() -> float:
    """Suppressing comments in a thousand lines of the package."""
    lines = [line for path in SOURCE.rglob("*.py") for line in path.read_text().splitlines()]
    return 1000 * sum(bool(SUPPRESSION.search(line)) for line in lines) / len(lines)


if __name__ == "__main__":
    figure = per_1000_lines()
    sys.stdout.write(f"{figure:.2f} ignores a thousand lines, at most {MAX_PER_1000_LINES}\n")
    sys.exit(figure > MAX_PER_1000_LINES)
