"""Tables in the output of commands."""

from collections.abc import Sequence


def table(*rows: Sequence[str]) -> str:
    """Return one line per row, with the columns aligned to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
