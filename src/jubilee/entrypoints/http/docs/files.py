"""Static files of the documentation pages, all served by this service."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from gzip import compress
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from string import Template

from jubilee.entrypoints.http.framework.problems import PathNotFound

ASSETS = Path(__file__).with_name("assets")
SCRIPT, STYLE = "text/javascript", "text/css"
MEDIA = {".js": SCRIPT, ".css": STYLE, ".svg": "image/svg+xml"}
BUNDLES = {
    "swagger-ui.js": "swagger_bundle.js",
    "swagger-ui.css": "swagger_style.css",
    "redoc-ui.js": "redoc.js",
}
ASSET_NAMES = ("swagger.js", "swagger.css", "redoc.js", "redoc.css", "page.css", "icon.svg")
PAGES = ("swagger.html", "redoc.html", "problem.html", "problems.html")
FOREIGN_LOGOS = (
    b"https://cdn.redoc.ly/redoc/logo-mini-full.svg",
    b"https://cdn.redoc.ly/redoc/logo-mini.svg",
)
NO_IMAGE = b"data:,"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file with a hash as tag; `gzipped` if that is smaller."""

    body: bytes
    media: str
    tag: str
    gzipped: "StaticFile | None" = None

    @classmethod
    def of(cls, body: bytes, media: str) -> "StaticFile":
        """Hash and compress the bytes; slow for large files."""
        compressed = compress(body, mtime=0)
        smaller = len(compressed) < len(body)
        gzipped = cls(compressed, media, _tag(compressed)) if smaller else None
        return cls(body, media, _tag(body), gzipped)


@dataclass(frozen=True, slots=True)
class DocsFiles:
    """The served files by name; `release` is a hash of all of them."""

    release: str
    files: Mapping[str, StaticFile]
    pages: Mapping[str, Template]

    def get(self, release: str, name: str) -> StaticFile:
        """Return the file; raise PathNotFound for an unknown name or another release."""
        if release != self.release or name not in self.files:
            raise PathNotFound
        return self.files[name]

    def page(self, name: str, mount: str, **values: str) -> str:
        """Render the page for this mount; `values` are HTML."""
        files = f"{mount}/docs/assets/{self.release}"
        urls = {"files": files, "mount": mount, "document": f"{mount}/openapi.json"}
        return self.pages[name].substitute(urls, **values)


def _tag(body: bytes) -> str:
    return sha256(body).hexdigest()[:32]


@cache
def docs_files() -> DocsFiles:
    """Read and compress all files once; blocks."""
    files = dict(_read())
    tags = "".join(files[name].tag for name in sorted(files))
    pages = {name: Template((ASSETS / name).read_text("utf-8")) for name in PAGES}
    return DocsFiles(sha256(tags.encode()).hexdigest()[:12], files, pages)


def _read() -> Iterator[tuple[str, StaticFile]]:
    bundles = _bundles()
    for name in ASSET_NAMES:
        yield name, StaticFile.of((ASSETS / name).read_bytes(), MEDIA[Path(name).suffix])
    for name, source in BUNDLES.items():
        body = (bundles / source).read_bytes()
        for logo in FOREIGN_LOGOS:
            body = body.replace(logo, NO_IMAGE)
        yield name, StaticFile.of(body, MEDIA[Path(name).suffix])


def _bundles() -> Path:
    """Return the folder of the package offapi; importing it would render pages needlessly."""
    spec = find_spec("offapi")
    folders = spec.submodule_search_locations if spec is not None else None
    if not folders:
        raise FileNotFoundError("the package offapi, with Swagger UI and ReDoc, is missing")
    return Path(folders[0])
