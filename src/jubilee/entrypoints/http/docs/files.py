"""The files behind the documentation's pages; all of them lie on this machine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from gzip import compress
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from string import Template

from jubilee.entrypoints.http.framework.problems import PathNotFound

OURS = Path(__file__).with_name("assets")
SCRIPT, STYLE = "text/javascript", "text/css"
MEDIA = {".js": SCRIPT, ".css": STYLE, ".svg": "image/svg+xml"}
BUNDLES = {
    "swagger-ui.js": "swagger_bundle.js",
    "swagger-ui.css": "swagger_style.css",
    "redoc-ui.js": "redoc.js",
}
OWN = ("swagger.js", "swagger.css", "redoc.js", "redoc.css", "page.css", "icon.svg")
PAGES = ("swagger.html", "redoc.html", "problem.html", "problems.html")
FOREIGN_LOGOS = (
    b"https://cdn.redoc.ly/redoc/logo-mini-full.svg",
    b"https://cdn.redoc.ly/redoc/logo-mini.svg",
)
NO_IMAGE = b"data:,"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """Some bytes under a name of their content; `gzipped`, where that makes them fewer."""

    body: bytes
    media: str
    tag: str
    gzipped: "StaticFile | None" = None

    @classmethod
    def of(cls, body: bytes, media: str) -> "StaticFile":
        """The tags follow from the bytes; this takes a moment for large ones."""
        small = compress(body, mtime=0)
        gzipped = cls(small, media, _tag(small)) if len(small) < len(body) else None
        return cls(body, media, _tag(body), gzipped)


@dataclass(frozen=True, slots=True)
class DocsFiles:
    """The files that are served, by name; `release` changes when one of them does."""

    release: str
    files: Mapping[str, StaticFile]
    pages: Mapping[str, Template]

    def get(self, release: str, name: str) -> StaticFile:
        """Raises NoSuchPath, also for another release."""
        if release != self.release or name not in self.files:
            raise PathNotFound
        return self.files[name]

    def page(self, name: str, mount: str, **values: str) -> str:
        """The page as it stands at this mount; `values` are HTML."""
        files = f"{mount}/docs/assets/{self.release}"
        places = {"files": files, "mount": mount, "document": f"{mount}/openapi.json"}
        return self.pages[name].substitute(places, **values)


def _tag(body: bytes) -> str:
    return sha256(body).hexdigest()[:32]


@cache
def docs_files() -> DocsFiles:
    """Reads and gzips them all, once; this blocks."""
    files = dict(_read())
    tags = "".join(files[name].tag for name in sorted(files))
    pages = {name: Template((OURS / name).read_text("utf-8")) for name in PAGES}
    return DocsFiles(sha256(tags.encode()).hexdigest()[:12], files, pages)


def _read() -> Iterator[tuple[str, StaticFile]]:
    bundles = _bundles()
    for name in OWN:
        yield name, StaticFile.of((OURS / name).read_bytes(), MEDIA[Path(name).suffix])
    for name, source in BUNDLES.items():
        body = (bundles / source).read_bytes()
        for logo in FOREIGN_LOGOS:
            body = body.replace(logo, NO_IMAGE)
        yield name, StaticFile.of(body, MEDIA[Path(name).suffix])


def _bundles() -> Path:
    """Where the package lies; importing it would build pages that nobody asks for."""
    found = find_spec("offapi")
    places = found.submodule_search_locations if found is not None else None
    if not places:
        raise FileNotFoundError("the package offapi, which holds Swagger UI and ReDoc, is missing")
    return Path(places[0])
