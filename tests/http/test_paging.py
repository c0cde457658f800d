"""Paged lists, and cursors that cannot be forged or used for another list."""

from itertools import product
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jubilee.entrypoints.http.framework.cursors import Cursors, InvalidCursor
from tests.conftest import Person, SignUp
from tests.fakes.store import FakeClock
from tests.http.refusals import pointers, problem

CURSORS = Cursors(b"c" * 32)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
positions = st.lists(texts, min_size=1, max_size=3).map(tuple)


@given(positions, texts)
def test_an_encoded_cursor_is_decoded_unchanged(position: tuple[str, ...], scope: str) -> None:
    assert CURSORS.decode(CURSORS.encode(position, scope), scope) == position


@given(positions, texts, texts)
def test_a_cursor_is_valid_only_for_its_own_list(
    position: tuple[str, ...], scope: str, other: str
) -> None:
    if scope != other:
        with pytest.raises(InvalidCursor):
            CURSORS.decode(CURSORS.encode(position, scope), other)


@given(texts | st.text(ALPHABET) | st.text())
def test_any_other_text_is_an_invalid_cursor(text: str) -> None:
    with pytest.raises(InvalidCursor):
        CURSORS.decode(text, "/users?")


def test_a_cursor_with_a_changed_character_is_refused() -> None:
    for position in (("a",), ("ab",), ("abc",)):  # Base64 ends in three ways
        cursor = CURSORS.encode(position, "/users?")
        for forged in forgeries(cursor):
            with pytest.raises(InvalidCursor):
                CURSORS.decode(forged, "/users?")


def forgeries(cursor: str) -> set[str]:
    changed = {
        cursor[:index] + character + cursor[index + 1 :]
        for index, character in product(range(len(cursor)), ALPHABET)
    }
    grown = {cursor + "=", cursor + "\n", cursor + "A", "!" + cursor, cursor[:5] + "." + cursor[5:]}
    return (changed | grown) - {cursor}


def test_a_cursor_of_another_key_is_refused() -> None:
    with pytest.raises(InvalidCursor):
        Cursors(b"d" * 32).decode(CURSORS.encode(("a",), ""), "")


def test_a_cursor_of_a_previous_key_is_read_and_new_ones_are_of_the_first() -> None:
    rotated = Cursors(b"d" * 32, b"c" * 32)
    assert rotated.decode(CURSORS.encode(("a",), "x"), "x") == ("a",)
    assert Cursors(b"d" * 32).decode(rotated.encode(("a",), "x"), "x") == ("a",)
    with pytest.raises(InvalidCursor):
        rotated.decode(CURSORS.encode(("a",), "x"), "y")


@pytest.fixture
async def admin(sign_up: SignUp, clock: FakeClock) -> Person:
    """One of five accounts."""
    for name in ("ann", "bob", "cat", "dan"):
        await sign_up(name)
        clock.tick(seconds=1)
    return await sign_up("ada", is_superuser=True)


def target(link: str) -> str:
    """Path and query of the URL in a Link header."""
    address, relation = link.split("; ")
    assert relation == 'rel="next"'
    return address.strip("<>").removeprefix("/api")


async def test_links_lead_through_all_pages_of_accounts(
    client: httpx2.AsyncClient, admin: Person
) -> None:
    names, url = [], "/users?limit=2"
    while url:
        answer = await client.get(url, headers=admin.headers)
        page = answer.json()
        names += [user["username"] for user in page["items"]]
        url = target(answer.headers["link"]) if "link" in answer.headers else ""
        assert parse_qs(urlsplit(url).query).get("cursor", [None]) == [page["next_cursor"]]
    assert names == ["ada", "dan", "cat", "bob", "ann"]


async def test_the_link_keeps_the_filter_and_the_mount(
    client: httpx2.AsyncClient, admin: Person
) -> None:
    url = "http://api.test/v1/api/users/?q=example&limit=3"
    answer = await client.get(url, headers=admin.headers)
    link = answer.headers["link"]
    assert link.startswith("</v1/api/users?")
    query = parse_qs(urlsplit(link.split(">")[0]).query)
    assert (query["q"], query["limit"]) == (["example"], ["3"])


async def test_a_cursor_is_valid_for_any_limit_and_mount_but_only_its_filter(
    client: httpx2.AsyncClient, admin: Person
) -> None:
    first = await client.get("/users?q=example&limit=2", headers=admin.headers)
    cursor = first.json()["next_cursor"]
    url = f"http://api.test/users?q=example&limit=3&cursor={cursor}"
    answer = await client.get(url, headers=admin.headers)
    assert [user["username"] for user in answer.json()["items"]] == ["cat", "bob", "ann"]
    for other in ("/users?", "/users?q=exampl&", "/items?q=example&", "/items?"):
        answer = await client.get(f"{other}cursor={cursor}", headers=admin.headers)
        assert pointers(answer, 400, "invalid_cursor") == {"query/cursor"}


@pytest.mark.parametrize("cursor", ["", "x", "%F0%9F%8E%82", "a.b", "AAAA" * 20, "=", "%0A"])
async def test_a_malformed_cursor_is_refused(
    client: httpx2.AsyncClient, admin: Person, cursor: str
) -> None:
    answer = await client.get(f"/users?cursor={cursor}", headers=admin.headers)
    problem(answer, 400, "invalid_cursor")


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1000000000", "9" * 30, "x", "", "1.5"])
async def test_check_37_the_limit_of_a_page_is_from_1_to_100(
    client: httpx2.AsyncClient, admin: Person, limit: str
) -> None:
    answer = await client.get(f"/users?limit={limit}", headers=admin.headers)
    assert pointers(answer) == {"query/limit"}
    for good in ("1", "100"):
        answer = await client.get(f"/users?limit={good}", headers=admin.headers)
        assert answer.status_code == 200
