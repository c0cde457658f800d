"""Pages that explain the problems."""

import httpx2
import pytest

from jubilee.entrypoints.http.docs.problem_pages import problem_kinds
from jubilee.entrypoints.http.docs.problem_schemas import errors_by_status
from jubilee.entrypoints.http.framework.problems import status_of
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.http import refusals
from tests.http.test_docs import HOST, MOUNTS, links


@pytest.mark.parametrize("code", problem_kinds())
async def test_every_code_has_a_page_with_its_status_meaning_and_remedy(
    client: httpx2.AsyncClient, code: str
) -> None:
    page = await client.get(f"{HOST}/problems/{code}")
    assert page.status_code == 200
    assert f"<h1><code>{code}</code></h1>" in page.text
    assert f"Status: {status_of(problem_kinds()[code]).value} " in page.text
    assert page.text.count("<h2>") == 2
    assert "$" not in page.text
    assert "`" not in page.text


def test_every_error_of_the_registry_has_a_page() -> None:
    found = [errors_by_status(endpoint).values() for endpoint in ENDPOINTS]
    codes = {error.code for statuses in found for errors in statuses for error in errors}
    assert len(codes) > 40
    assert codes - problem_kinds().keys() == set()


async def test_the_type_of_a_problem_leads_to_its_page(client: httpx2.AsyncClient) -> None:
    problem = refusals.problem(await client.get("/users/me"), 401, "not_authenticated")
    page = await client.get(f"{HOST}{problem['type']}")
    assert problem["title"] in page.text


async def test_a_page_names_neither_a_foreign_host_nor_the_host_of_the_request(
    client: httpx2.AsyncClient,
) -> None:
    headers = {"Host": "evil.test"}
    for path in ("/problems", "/problems/stale"):
        page = await client.get(f"{HOST}{path}", headers=headers)
        assert page.status_code == 200
        assert "//" not in page.text
    problem = await client.get("/users/me", headers=headers)
    assert problem.json()["type"] == "/problems/not_authenticated"


@pytest.mark.parametrize("mount", MOUNTS)
async def test_the_list_links_to_every_page_at_its_mount(
    client: httpx2.AsyncClient, mount: str
) -> None:
    listed = await links(client, f"{mount}/problems")
    pages = {url for url in listed.urls if url.startswith(f"{mount}/problems/")}
    assert pages == {f"{mount}/problems/{code}" for code in problem_kinds()}
    for url in listed.urls:
        assert (await client.get(HOST + url)).status_code == 200


@pytest.mark.parametrize("path", ["/problems", "/problems/stale"])
async def test_a_page_runs_no_script(client: httpx2.AsyncClient, path: str) -> None:
    page = await client.get(path)
    rules = [rule.split() for rule in page.headers["content-security-policy"].split(";")]
    allowed = {name: sources for name, *sources in rules}
    assert allowed.pop("style-src") == allowed.pop("img-src") == ["'self'"]
    assert set(allowed) == {"default-src", "frame-ancestors", "base-uri", "form-action"}
    assert all(sources == ["'none'"] for sources in allowed.values())
    assert (await links(client, f"/api{path}")).inline == []


@pytest.mark.parametrize("code", ["nothing", "error", "Stale", "%3Cscript%3E"])
async def test_an_unknown_code_has_no_page(client: httpx2.AsyncClient, code: str) -> None:
    refusals.problem(await client.get(f"/problems/{code}"), 404, "path_not_found")
