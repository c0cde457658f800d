"""Draws lines and figures as SVG: small, and the same for the same numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 420, 200
LEFT, TOP, RIGHT, BOTTOM = 58, 34, 410, 140
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#555555")
FONT = 'font-family="system-ui, sans-serif"'


@dataclass(frozen=True, slots=True)
class Line:
    """A named line: points as (unix seconds, value)."""

    name: str
    points: Sequence[tuple[float, float]]

    @property
    def top(self) -> float:
        """Its largest value."""
        return max(value for _, value in self.points)


def figure(value: float, unit: str) -> str:
    """A value as the dashboards show it."""
    match unit:
        case "percentunit":
            return f"{100 * value:.3g} %"
        case "s":
            return f"{1000 * value:.3g} ms" if abs(value) < 1 else f"{value:.3g} s"
        case "bytes":
            return f"{value / 2**20:.3g} MiB" if value >= 2**20 else f"{value / 1024:.3g} KiB"
        case "reqps" | "ops":
            return f"{value:.3g}/s"
        case _:
            return f"{value:.3g}"


def stat(title: str, shown: str, x: int, y: int) -> str:
    """One figure under its title, 105 wide and 56 high."""
    return (
        f'<g transform="translate({x} {y})" {FONT}>'
        f'<rect width="101" height="52" rx="3" fill="#fff" stroke="#ddd"/>'
        f'<text x="8" y="17" font-size="9" fill="#555">{escape(title)}</text>'
        f'<text x="8" y="42" font-size="19" fill="#111">{escape(shown)}</text></g>'
    )


def chart(title: str, unit: str, lines: Sequence[Line], x: int, y: int) -> str:
    """The highest six lines over the time that they share, from zero up."""
    kept = sorted(lines, key=lambda line: -line.top)[: len(COLOURS)]
    top = max((line.top for line in kept), default=0) or 1.0
    parts = [
        f'<g transform="translate({x} {y})" {FONT} font-size="10" fill="#555">',
        f'<rect width="{WIDTH - 4}" height="{HEIGHT - 4}" rx="3" fill="#fff" stroke="#ddd"/>',
        f'<text x="8" y="19" font-size="12" fill="#111">{escape(title)}</text>',
        *_scale(top, unit),
        *(_line(line, top, kept, colour) for line, colour in zip(kept, COLOURS, strict=False)),
        *_legend([line.name for line in kept]),
        "</g>",
    ]
    return "\n".join(parts)


def _scale(top: float, unit: str) -> list[str]:
    def mark(value: float) -> str:
        at = BOTTOM - (BOTTOM - TOP) * value / top
        return (
            f'<path d="M{LEFT} {at:.0f}H{RIGHT}" stroke="#eee"/>'
            f'<text x="{LEFT - 5}" y="{at + 3:.0f}" text-anchor="end">{figure(value, unit)}</text>'
        )

    return [mark(value) for value in (0, top / 2, top)]


def _line(line: Line, top: float, every: Sequence[Line], colour: str) -> str:
    first = min(at for one in every for at, _ in one.points)
    last = max(at for one in every for at, _ in one.points)
    across = (RIGHT - LEFT) / ((last - first) or 1)
    points = " ".join(
        f"{LEFT + (at - first) * across:.0f},{BOTTOM - (BOTTOM - TOP) * value / top:.1f}"
        for at, value in line.points
    )
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.3"/>'


def _legend(names: Sequence[str]) -> list[str]:
    marks = []
    for number, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
        x, y = 12 + 200 * (number % 2), BOTTOM + 20 + 15 * (number // 2)
        marks.append(
            f'<rect x="{x}" y="{y - 7}" width="9" height="3" fill="{colour}"/>'
            f'<text x="{x + 14}" y="{y}">{escape(name)}</text>'
        )
    return marks
