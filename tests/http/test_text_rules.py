"""Text rules over HTTP: refusals, values of older accounts, error messages."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jubilee.domain.text import composed, line_fault, text_fault
from jubilee.domain.usernames import prepared_username
from jubilee.entrypoints.http.text_patterns import (
    LINE_PATTERN,
    TEXT_PATTERN,
    TITLE_PATTERN,
    USERNAME_PATTERN,
)
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.store import FakeStore
from tests.http.refusals import pointers

BCC = "=?utf-8?Q?x=0D=0ABcc=3A_evil=40evil.example?="
INVALID_LINES = ["Zo\u202ee", "\u200b", "a\x1b[2J", "a\r\nb", "a\uffff", "\u2066", "a\ue000"]
OLD_USERNAME = "\u0430dmin"  # its first letter is Cyrillic
OLD_FULL_NAME = f"Zo\u202ee {BCC}"
PATTERNS = {
    "line": LINE_PATTERN,
    "title": TITLE_PATTERN,
    "text": TEXT_PATTERN,
    "username": USERNAME_PATTERN,
}
CHARACTERS = st.sampled_from(
    "aZ9._- \t\n\r\x1b\x85\u00a9\u00aa\u00ad\u200b\u200d\u2028\u202e\u2066\u3000\ue000\uffff"
    "\ufeff\u0301é漢\u0430ש🎂\U0001fae9\uff5a"
)


@pytest.fixture
async def old(sign_up: SignUp, store: FakeStore) -> Person:
    """An account whose names break the current rules."""
    person = await sign_up("zoe")
    user = replace(person.user, username=OLD_USERNAME, full_name=OLD_FULL_NAME)
    store.users[user.id] = user
    return replace(person, user=user)


@pytest.mark.parametrize("name", [*INVALID_LINES, BCC, "=?"])
async def test_check_38_a_full_name_with_hidden_characters_is_refused(
    client: httpx2.AsyncClient, sign_up: SignUp, name: str
) -> None:
    body = {"email": "max@example.com", "password": PASSWORD, "full_name": name}
    assert pointers(await client.post("/users", json=body)) == {"#/full_name"}
    zoe = await sign_up("zoe")
    answer = await client.patch("/users/me", json={"full_name": name}, headers=zoe.headers)
    assert pointers(answer, 422, "invalid_full_name") == {"#/full_name"}


@pytest.mark.parametrize("name", ["\u0430dmin", "zoe\u6f22", "z\u202ee", "\u00b5", "\u3164"])
async def test_a_username_has_one_script(
    client: httpx2.AsyncClient, sign_up: SignUp, name: str
) -> None:
    body = {"email": "max@example.com", "password": PASSWORD, "username": name}
    assert pointers(await client.post("/users", json=body)) == {"#/username"}
    zoe = await sign_up("zoe")
    answer = await client.patch("/users/me", json={"username": name}, headers=zoe.headers)
    assert pointers(answer, 422, "invalid_username") == {"#/username"}


@pytest.mark.parametrize("title", INVALID_LINES)
async def test_a_title_with_hidden_characters_is_refused(
    client: httpx2.AsyncClient, sign_up: SignUp, title: str
) -> None:
    zoe = await sign_up("zoe")
    answer = await client.post("/items", json={"title": title}, headers=zoe.headers)
    assert pointers(answer, 422, "invalid_title") == {"#/title"}


async def test_a_description_with_control_or_invisible_characters_is_refused(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    zoe = await sign_up("zoe")
    for text in ("\x1b[2J", "a\u202eb"):
        body = {"title": "x", "description": text}
        answer = await client.post("/items", json=body, headers=zoe.headers)
        assert pointers(answer, 422, "invalid_description") == {"#/description"}
    body = {"title": "x", "description": "a\r\n\tb"}
    answer = await client.post("/items", json=body, headers=zoe.headers)
    assert answer.json()["description"] == "a\r\n\tb"


async def test_an_account_older_than_the_rules_signs_in(
    client: httpx2.AsyncClient, old: Person
) -> None:
    form = {"username": OLD_USERNAME, "password": PASSWORD}
    assert (await client.post("/auth/token", data=form)).status_code == 200


async def test_an_account_older_than_the_rules_changes_other_fields(
    client: httpx2.AsyncClient, old: Person, sign_up: SignUp
) -> None:
    admin = await sign_up("ada", is_superuser=True)
    for path, headers in (("/users/me", old.headers), (f"/users/{old.user.id}", admin.headers)):
        change = {"time_zone": "Europe/Vienna"}
        answer = await client.patch(path, json=change, headers=headers)
        names = {"username": OLD_USERNAME, "full_name": OLD_FULL_NAME}
        assert answer.json().items() >= {**names, **change}.items()
        whole = {"email": old.user.email, **names}
        answer = await client.put(path, json=whole, headers=headers)
        assert answer.status_code == 200
        assert answer.json().items() >= names.items()


async def test_a_new_name_of_an_old_account_is_validated(
    client: httpx2.AsyncClient, old: Person
) -> None:
    answer = await client.patch("/users/me", json={"username": "\u0430dmin2"}, headers=old.headers)
    assert pointers(answer, 422, "invalid_username") == {"#/username"}
    answer = await client.patch("/users/me", json={"username": "Quill"}, headers=old.headers)
    assert answer.json()["username"] == "Quill"


async def test_check_42_a_user_agent_is_stored_as_a_printable_line(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    zoe = await sign_up("zoe")
    headers = {b"User-Agent": b"curl\x9b31m\x7f \xff" + b"x" * 500}
    form = {"username": "zoe", "password": PASSWORD}
    await client.post("/auth/token", data=form, headers=headers)
    page = (await client.get("/auth/sessions", headers=zoe.headers)).json()
    agents = {session["user_agent"] for session in page["items"]}
    assert ("curl?31m? \xff" + "x" * 500)[:400] in agents


async def test_the_openapi_document_has_the_patterns(client: httpx2.AsyncClient) -> None:
    schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
    found = {
        name: _texts(schemas[model]["properties"][name])
        for model, names in {
            "Registration": ("username", "full_name"),
            "OwnAccountPatch": ("username", "full_name"),
            "WholeItem": ("title", "description"),
            "ItemPatch": ("title", "description"),
        }.items()
        for name in names
    }
    expected = {"username": "username", "full_name": "line", "title": "title"}
    expected["description"] = "text"
    assert {name: text["pattern"] for name, text in found.items()} == {
        name: PATTERNS[kind] for name, kind in expected.items()
    }
    assert all("NFC" in found[name]["description"] for name in ("full_name", "title"))


def _texts(schema: dict[str, Any]) -> dict[str, Any]:
    """The member, whether or not it may be null."""
    (text,) = [one for one in schema.get("anyOf", [schema]) if one.get("type") == "string"]
    assert isinstance(text, dict)
    return text


@given(st.text(max_size=8) | st.text(CHARACTERS, max_size=8))
def test_no_pattern_refuses_a_text_that_the_server_accepts(text: str) -> None:
    normalized = composed(text)
    if line_fault(normalized) is None:
        assert re.search(LINE_PATTERN, text)
        assert re.search(TITLE_PATTERN, text)
    if text_fault(normalized) is None:
        assert re.search(TEXT_PATTERN, text)
    if prepared_username(text) is not None:
        assert re.search(USERNAME_PATTERN, text)


@pytest.mark.parametrize("kind", PATTERNS)
def test_every_pattern_refuses_controls(kind: str) -> None:
    for text in ("a\x1b", "a\x85", "a\u202eb", "a\uffff"):
        assert not re.search(PATTERNS[kind], text)


@pytest.mark.skipif(shutil.which("node") is None, reason="no JavaScript here")
@pytest.mark.parametrize("flags", ["", "u", "v"])
def test_every_pattern_is_valid_in_javascript(flags: str) -> None:
    script = """
        const [flags, patterns, good, bad] = JSON.parse(process.argv[1]);
        const tests = patterns.map((p) => new RegExp(p, flags));
        const matches = (texts) => tests.map((t) => texts.map((x) => t.test(x)));
        console.log(JSON.stringify([matches(good), matches(bad)]));
    """
    good, bad = ["zoe", "Zo\u00eb.1", "\u6f22\u5b57"], ["a\x1b", "a\u202eb", "a\uffff"]
    arguments = json.dumps([flags, list(PATTERNS.values()), good, bad])
    output = subprocess.check_output(["node", "-e", script, arguments], text=True)
    assert json.loads(output) == [[[True] * 3] * 4, [[False] * 3] * 4]
