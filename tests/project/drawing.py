"""Draw the packages and their imports: `python -m tests.project.drawing` writes the SVG."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

import grimp

TARGET = Path(__file__).parents[2] / ".github" / "architecture.svg"
PACKAGE = "jubilee"
WIDTH, MARGIN, GAP_X, GAP_Y = 1120, 20, 24, 46
TITLE_HEIGHT, LINE_HEIGHT, PADDING, CHAR_WIDTH, CHIP_GAP = 26, 26, 12, 6.7, 6
FEW = 6
FILLS = {
    "domain": "#fff4d6",
    "adapters": "#e3eefb",
    "entrypoints": "#e4f4e8",
    "bootstrap": "#f3e8f7",
}

Graph = dict[str, set[str]]


@dataclass(frozen=True, slots=True)
class Box:
    """A package of the first level at its place, with its modules as rows of names."""

    name: str
    rows: tuple[tuple[str, ...], ...]
    x: float
    y: float
    width: float

    @property
    def height(self) -> float:
        """The title and the rows."""
        return TITLE_HEIGHT + LINE_HEIGHT * len(self.rows) + (PADDING if self.rows else 4)

    @property
    def centre(self) -> float:
        """Where arrows start and end."""
        return self.x + self.width / 2


def draw() -> str:
    """The whole picture; the same source gives the same text."""
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    imports = _between(graph, PACKAGE)
    boxes = _place(imports, {name: _inside(graph, f"{PACKAGE}.{name}") for name in imports})
    height = max(box.y + box.height for box in boxes.values()) + MARGIN
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
            'font-family="system-ui, sans-serif" font-size="12">'
        ),
        (
            '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
            'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>'
        ),
        f'<rect width="{WIDTH}" height="{height:.0f}" fill="#fff"/>',
        *(line for box in boxes.values() for line in _shape(box)),
        *(
            _arrow(boxes[above], boxes[below])
            for above, belows in sorted(_reduced(imports).items())
            for below in sorted(belows)
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _between(graph: grimp.ImportGraph, parent: str) -> Graph:
    """Which children of a package import which others, by any of their modules."""
    children = sorted(graph.find_children(parent))
    imports: Graph = {child.rpartition(".")[2]: set() for child in children}
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            above, below = _child(importer, parent), _child(imported, parent)
            if above and below and above != below:
                imports[above].add(below)
    return imports


def _child(module: str, parent: str) -> str:
    rest = module.removeprefix(f"{parent}.")
    return rest.partition(".")[0] if rest != module else ""


def _inside(graph: grimp.ImportGraph, package: str) -> list[list[str]]:
    """The children, importers above what they import; one row where they are independent."""
    imports = _between(graph, package)
    ranks = _ranks(imports)
    rows = [sorted(name for name in imports if ranks[name] == rank) for rank in _order(ranks)]
    if package.endswith(".domain"):
        return rows
    return [sorted(imports)] if imports else []


def _order(ranks: Mapping[str, int]) -> list[int]:
    return sorted(set(ranks.values()))


def _ranks(imports: Graph) -> dict[str, int]:
    """The longest way from a package that no other imports; cycles do not exist here."""
    importers = {name: {above for above in imports if name in imports[above]} for name in imports}
    ranks: dict[str, int] = {}

    def rank(name: str) -> int:
        if name not in ranks:
            ranks[name] = max((rank(above) + 1 for above in importers[name]), default=0)
        return ranks[name]

    for name in imports:
        rank(name)
    return ranks


def _reduced(imports: Graph) -> Graph:
    """The imports without those that follow from others."""

    def reaches(above: str, below: str) -> bool:
        return any(next_ == below or reaches(next_, below) for next_ in imports[above])

    return {
        above: {
            below
            for below in belows
            if not any(other != below and reaches(other, below) for other in belows)
        }
        for above, belows in imports.items()
    }


def _place(imports: Graph, inside: Mapping[str, list[list[str]]]) -> dict[str, Box]:
    ranks, boxes, y = _ranks(imports), dict[str, Box](), float(MARGIN)
    for rank in _order(ranks):
        names = sorted(
            (name for name in imports if ranks[name] == rank),
            key=lambda name: (_skips(name, imports, ranks), -sum(map(len, inside[name])), name),
        )
        x, row = float(MARGIN), list[Box]()
        for name, width in _widths(names, inside).items():
            row.append(Box(name, _wrapped(inside[name], width), x, y, width))
            x += width + GAP_X
        boxes |= {box.name: box for box in row}
        y += max(box.height for box in row) + GAP_Y
    return boxes


def _skips(name: str, imports: Graph, ranks: Mapping[str, int]) -> bool:
    """Whether one of its arrows passes a row, for which it stands at the right."""
    return any(ranks[below] > ranks[name] + 1 for below in _reduced(imports)[name])


def _widths(names: list[str], inside: Mapping[str, list[list[str]]]) -> dict[str, float]:
    """The row's width shared by the number of modules; narrow where a row has few of them."""
    narrow = {name: 150.0 for name in names if not inside[name]}
    wide = [name for name in names if inside[name]]
    left = WIDTH - 2 * MARGIN - GAP_X * (len(names) - 1) - sum(narrow.values())
    if sum(len(row) for name in wide for row in inside[name]) < FEW:
        natural = {name: _span(inside[name][0]) + 4 * PADDING for name in wide}
        return {name: narrow.get(name) or natural[name] for name in names}
    shares = {name: 4 + sum(map(len, inside[name])) for name in wide}
    return {name: narrow.get(name) or left * shares[name] / sum(shares.values()) for name in names}


def _wrapped(rows: Iterable[list[str]], width: float) -> tuple[tuple[str, ...], ...]:
    wrapped: list[tuple[str, ...]] = []
    for names in rows:
        line: list[str] = []
        for name in names:
            if line and _span([*line, name]) > width - 2 * PADDING:
                wrapped.append(tuple(line))
                line = []
            line.append(name)
        wrapped.append(tuple(line))
    return tuple(wrapped)


def _span(names: list[str]) -> float:
    return sum(_chip_width(name) for name in names) + CHIP_GAP * (len(names) - 1)


def _chip_width(name: str) -> float:
    return CHAR_WIDTH * len(name) + 14


def _shape(box: Box) -> list[str]:
    fill = FILLS.get(box.name, "#f0f0f0")
    lines = [
        (
            f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
            f'height="{box.height:.1f}" rx="6" fill="{fill}" stroke="#888"/>'
        ),
        (
            f'<text x="{box.centre:.1f}" y="{box.y + 18:.1f}" text-anchor="middle" font-size="14" '
            f'font-weight="600">{escape(box.name)}</text>'
        ),
    ]
    for number, names in enumerate(box.rows):
        x = box.centre - _span(list(names)) / 2
        y = box.y + TITLE_HEIGHT + LINE_HEIGHT * number
        for name in names:
            width = _chip_width(name)
            lines.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="20" rx="4" fill="#fff" '
                f'stroke="#ccc"/><text x="{x + width / 2:.1f}" y="{y + 14:.1f}" '
                f'text-anchor="middle">{escape(name)}</text>'
            )
            x += width + CHIP_GAP
    return lines


def _arrow(above: Box, below: Box) -> str:
    """Straight down where the boxes overlap, else slanting between their nearest corners."""
    left, right = max(above.x, below.x), min(above.x + above.width, below.x + below.width)
    start = end = (left + right) / 2
    if left > right:
        start = min(max(below.centre, above.x + PADDING), above.x + above.width - PADDING)
        end = min(max(above.centre, below.x + PADDING), below.x + below.width - PADDING)
    top, bottom = above.y + above.height, below.y - 2
    return (
        f'<path d="M{start:.1f} {top:.1f}L{end:.1f} {bottom:.1f}" fill="none" stroke="#555" '
        'stroke-width="1.5" marker-end="url(#end)"/>'
    )


if __name__ == "__main__":
    TARGET.write_text(draw())
