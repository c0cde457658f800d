"""Documentation pages: they work at every mount and load nothing from other hosts."""

import re
from html.parser import HTMLParser

import httpx2
import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types

from jubilee.entrypoints.http.docs.components import Json
from jubilee.entrypoints.http.docs.files import StaticFile, docs_files
from jubilee.entrypoints.http.docs.yaml_text import yaml_text
from tests.http.generated_document import DOCUMENT

HOST = "http://api.test"
MOUNTS = ("", "/api", "/v1/api")
PAGES = ("/docs", "/docs/", "/swagger", "/redoc", "/redoc/")
MEDIA = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}

every_page = pytest.mark.parametrize("path", [mount + page for mount in MOUNTS for page in PAGES])


class Links(HTMLParser):
    """Collects the URLs that a page loads, and its inline content."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.document = ""
        self.inline: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.urls += [named[name] for name in ("src", "href") if name in named]
        self.document = named.get("data-document", self.document)
        self.inline += [name for name in named if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in named):
            self.inline.append(tag)


async def links(client: httpx2.AsyncClient, path: str) -> Links:
    response = await client.get(HOST + path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    return Links(response.text)


@every_page
async def test_a_page_loads_only_from_its_own_mount(client: httpx2.AsyncClient, path: str) -> None:
    found = await links(client, path)
    mount = path.rstrip("/").rpartition("/")[0]
    assert found.document == f"{mount}/openapi.json"
    assert len(found.urls) >= 3
    assert all(url.startswith(f"{mount}/docs/assets/") for url in found.urls)


@every_page
async def test_everything_that_a_page_loads_exists(client: httpx2.AsyncClient, path: str) -> None:
    found = await links(client, path)
    assert (await client.get(HOST + found.document)).status_code == 200
    for url in found.urls:
        response = await client.get(HOST + url)
        assert response.status_code == 200
        assert response.headers["content-type"] == MEDIA[url.rpartition(".")[2]]


@pytest.mark.parametrize("path", ["/api/docs", "/api/redoc"])
async def test_a_page_has_no_inline_content_and_forbids_it(
    client: httpx2.AsyncClient, path: str
) -> None:
    assert (await links(client, path)).inline == []
    policy = (await client.get(HOST + path)).headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert (rules["default-src"], rules["script-src"]) == ("'none'", "'self'")
    assert (rules["frame-ancestors"], rules["base-uri"]) == ("'none'", "'none'")
    allowed = {source for rule in rules.values() for source in rule.split()}
    hashes = {source for source in allowed if source.startswith("'sha256-")}
    assert allowed - hashes == {"'none'", "'self'", "data:"}


async def test_scripts_import_only_files_beside_them(
    client: httpx2.AsyncClient,
) -> None:
    page = await links(client, "/api/redoc")
    script = next(url for url in page.urls if url.endswith(".js"))
    imported = re.findall(r'from "\./([^"]+)"', (await client.get(HOST + script)).text)
    assert imported == ["redoc-ui.js"]
    assert (await client.get(HOST + script.replace("redoc.js", imported[0]))).status_code == 200


async def test_no_page_contacts_its_vendor() -> None:
    files = docs_files().files
    assert b"cdn.redoc.ly" not in files["redoc-ui.js"].body
    assert b"data:," in files["redoc-ui.js"].body
    assert b"disableTelemetry: true" in files["redoc.js"].body
    assert b"validatorUrl: null" in files["swagger.js"].body


async def test_a_file_is_cached_forever_and_revalidated(client: httpx2.AsyncClient) -> None:
    url = HOST + (await links(client, "/api/docs")).urls[0]
    first = await client.get(url)
    assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
    again = await client.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize("name", ["scalar.js", "swagger.html", "..%2Fdocs.py", "swagger_bundle.js"])
async def test_other_files_are_not_served(client: httpx2.AsyncClient, name: str) -> None:
    response = await client.get(f"/docs/assets/{docs_files().release}/{name}")
    assert (response.status_code, response.json()["code"]) == (404, "path_not_found")


async def test_a_file_of_another_release_is_not_found(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/docs/assets/0123456789ab/swagger.js")).status_code == 404


@pytest.mark.parametrize("mount", MOUNTS)
async def test_the_document_is_the_same_at_every_mount(
    client: httpx2.AsyncClient, mount: str
) -> None:
    response = await client.get(f"{HOST}{mount}/openapi.json")
    assert response.headers["content-type"] == "application/json"
    assert response.json() == DOCUMENT


async def test_a_known_document_is_304(client: httpx2.AsyncClient) -> None:
    tag = (await client.get("/openapi.json")).headers["etag"]
    known = await client.get("/openapi.json", headers={"If-None-Match": f'"other", {tag}'})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    other = await client.get("/openapi.json", headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("application/yaml", "application/yaml"),
        ("application/json;q=0.5, application/yaml", "application/yaml"),
        ("application/yaml;q=0.5, */*", "application/json"),
        ("application/*", "application/json"),
        ("*/*", "application/json"),
    ],
)
async def test_the_document_is_json_or_yaml_as_the_client_prefers(
    client: httpx2.AsyncClient, accept: str, media: str
) -> None:
    response = await client.get("/openapi.json", headers={"Accept": accept})
    assert response.headers["content-type"] == media
    assert yaml.load(response.text, Loader=yaml.CSafeLoader) == DOCUMENT
    vary = response.headers.get_list("vary", split_commas=True)
    assert {"Accept", "Accept-Encoding"} <= set(vary)


def test_every_json_value_can_be_written_as_yaml() -> None:
    texts = ["", "yes", "1", "a: b", "- x", "#", '"', "\\", "a\nb", "\t", "Zoë 🎂", "*a", "&a"]
    values: Json = {text: text for text in texts} | {"n": None, "b": True, "i": 1, "f": 1.5}
    lists: Json = {"none": [], "some": [values, [texts, []], 1]}
    nested = {**values, **lists, "empty": {}, "yes": {"no": {}}}
    assert yaml.load(yaml_text(nested), Loader=yaml.CSafeLoader) == nested


LARGE = f"/docs/assets/{docs_files().release}/swagger-ui.js"
CODINGS = ("gzip", "identity")

every_coding = pytest.mark.parametrize("coding", CODINGS)
every_large_file = pytest.mark.parametrize("path", [LARGE, "/openapi.json"])


@every_large_file
async def test_gzip_is_sent_to_clients_that_accept_it(
    client: httpx2.AsyncClient, path: str
) -> None:
    plain, small = [
        await client.get(path, headers={"Accept-Encoding": coding})
        for coding in ("identity", "br, gzip")
    ]
    assert small.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert small.content == plain.content
    for response in (plain, small):
        assert response.headers["content-length"] == str(response.num_bytes_downloaded)
    assert small.num_bytes_downloaded < plain.num_bytes_downloaded / 2
    assert small.headers["etag"] != plain.headers["etag"]


@every_coding
@every_large_file
async def test_responses_vary_by_accept_encoding(
    client: httpx2.AsyncClient, path: str, coding: str
) -> None:
    request = {"Accept-Encoding": coding}
    tag = (await client.get(path, headers=request)).headers["etag"]
    for extra, status in (({}, 200), ({"If-None-Match": tag}, 304)):
        response = await client.get(path, headers={**request, **extra})
        assert (response.status_code, response.headers["etag"]) == (status, tag)
        assert "Accept-Encoding" in response.headers.get_list("vary", split_commas=True)


@every_coding
async def test_the_tags_of_both_encodings_differ(client: httpx2.AsyncClient, coding: str) -> None:
    tags = {c: (await client.get(LARGE, headers={"Accept-Encoding": c})).headers for c in CODINGS}
    other = next(tags[c]["etag"] for c in CODINGS if c != coding)
    request = {"Accept-Encoding": coding, "If-None-Match": other}
    assert (await client.get(LARGE, headers=request)).status_code == 200
    both = {**request, "If-None-Match": f"{other}, {tags[coding]['etag']}"}
    known = await client.get(LARGE, headers=both)
    assert (known.status_code, known.content) == (304, b"")
    assert {"content-encoding", "content-length"}.isdisjoint(known.headers)


@every_coding
@every_large_file
async def test_head_has_the_headers_of_get(
    client: httpx2.AsyncClient, path: str, coding: str
) -> None:
    request = {"Accept-Encoding": coding}
    whole, head = await client.get(path, headers=request), await client.head(path, headers=request)
    assert head.content == b""
    headers = {n: v for n, v in head.headers.items() if n != "x-request-id"}
    assert headers == {n: v for n, v in whole.headers.items() if n != "x-request-id"}


async def test_a_file_that_gzip_does_not_shorten_is_sent_plain(client: httpx2.AsyncClient) -> None:
    file = docs_files().files["redoc.css"]
    response = await client.get(LARGE.replace("swagger-ui.js", "redoc.css"))
    assert response.headers["content-length"] == str(len(file.body))
    assert "content-encoding" not in response.headers


def test_a_compressed_file_has_no_time_in_it() -> None:
    compressed = StaticFile.of(b"a" * 100, "text/plain").gzipped
    assert compressed is not None
    assert compressed.body[4:8] == bytes(4)  # its tag is the same in all processes
