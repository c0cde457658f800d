"""The Postman collection: its form, and what the API answers to its requests."""

from collections.abc import Iterator

import httpx2
import pytest

from jubilee.entrypoints.http.docs.postman import postman_collection
from tests.conftest import SignUp
from tests.http.generated_document import DOCUMENT
from tests.http.references import Json

COLLECTION = postman_collection(DOCUMENT)
UNDERSTOOD = {
    "api_token_not_found",
    "birthday_not_found",
    "current_password_needed",
    "export_not_found",
    "factor_not_found",
    "identity_not_found",
    "invalid_grant",
    "invalid_link",
    "invalid_mfa_token",
    "invalid_invite",
    "invite_not_found",
    "invalid_passkey",
    "item_not_found",
    "last_admin",
    "no_factor",
    "provider_not_found",
    "service_account_not_found",
    "passkey_not_found",
    "session_not_found",
    "task_not_found",
    "user_not_found",
}
"""What the API answers to valid requests about what does not exist yet."""

METRICS = "{{base_url}}/metrics"  # not by the API in process
METADATA = "{{base_url}}/.well-known/o"  # only where tokens are signed by public keys


def requests() -> Iterator[tuple[str, Json]]:
    for folder in COLLECTION["item"]:
        for item in folder["item"]:
            yield item["name"], item["request"]


def fill(text: str, request: Json) -> str:
    """Put in the variables of the collection and of the path, as Postman does."""
    for variable in request["url"]["variable"]:
        text = text.replace(f":{variable['key']}", variable["value"] or "0" * 32)
    return text.replace("{{base_url}}", "/api")


async def send(client: httpx2.AsyncClient, request: Json, token: str) -> httpx2.Response:
    """Send a request with what is enabled of it."""
    headers = {one["key"]: one["value"] for one in request["header"] if not one.get("disabled")}
    if request.get("auth") != {"type": "noauth"}:
        headers["Authorization"] = f"Bearer {token}"
    query = {one["key"]: one["value"] for one in request["url"]["query"] if not one["disabled"]}
    body = request.get("body", {})
    form = {one["key"]: one["value"] for one in body.get("urlencoded", ())}
    sent = {"data": form} if form else {"content": body.get("raw", "")}
    url = httpx2.URL("http://api.test").join(fill(request["url"]["raw"], request))
    return await client.request(request["method"], url, params=query, headers=headers, **sent)


def test_every_operation_is_a_request_of_the_folder_of_its_tag() -> None:
    operations = [one for methods in DOCUMENT["paths"].values() for one in methods.values()]
    assert sorted(name for name, _ in requests()) == sorted(one["summary"] for one in operations)
    assert [folder["name"] for folder in COLLECTION["item"]] == [
        t["name"] for t in DOCUMENT["tags"]
    ]
    assert COLLECTION["info"]["schema"].endswith("/v2.1.0/collection.json")


def test_a_sign_in_keeps_its_token_for_the_requests_after_it() -> None:
    (auth,) = [folder for folder in COLLECTION["item"] if folder["name"] == "auth"]
    kept = [item["request"]["url"]["raw"] for item in auth["item"] if "event" in item]
    assert kept == [f"{{{{base_url}}}}/auth/{name}" for name in ("token", "login", "refresh")]
    assert COLLECTION["auth"]["bearer"][0]["value"] == "{{access_token}}"
    assert {one["key"] for one in COLLECTION["variable"]} == {"base_url", "access_token"}


@pytest.mark.parametrize(
    ("name", "request_"),
    [one for one in requests() if not one[1]["url"]["raw"].startswith((METRICS, METADATA))],
)
async def test_the_api_understands_every_request(
    client: httpx2.AsyncClient, sign_up: SignUp, name: str, request_: Json
) -> None:
    admin = await sign_up("ada", is_superuser=True)
    token = admin.headers["Authorization"].partition(" ")[2]
    answer = await send(client, request_, token)
    understood = answer.is_success or answer.json()["code"] in UNDERSTOOD
    assert understood, (name, answer.text)
