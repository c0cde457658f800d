"""Sign-in at a certified issuer, over real connections: discovery, PKCE, keys and userinfo."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from socket import create_connection, create_server
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2
import pytest
from pydantic import SecretStr

from jubilee.adapters.http_sender import PinnedHttpSender
from jubilee.bootstrap.identities import make_provider
from jubilee.domain.identities.provider import Providers
from jubilee.settings.identity_providers import ProviderSettings
from tests.conftest import CALLBACK, RETURN
from tests.http.refusals import problem
from tests.support.running import eventually
from tests.system.clients.node import HERE, PACKAGES

EXCHANGE = "/auth/oidc/exchange"


def answers(port: int) -> bool:
    """Return whether a server accepts connections."""
    try:
        create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def issuer(packages: None, tmp_path: Path) -> Iterator[str]:
    """The URL of a running issuer."""
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = PACKAGES / "issuer.mjs"  # beside the packages, where Node looks for them
    script.write_text((HERE / "issuer.mjs").read_text())
    callback = CALLBACK.format(provider="strict")
    output = (tmp_path / "issuer.log").open("w")
    node = Path(sys.prefix) / "bin" / "node"
    process = subprocess.Popen(
        (node, script, str(port), callback),
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        assert eventually(lambda: answers(port)), (tmp_path / "issuer.log").read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        # The program of the virtual environment runs Node as another process.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        output.close()


@pytest.fixture
def providers(issuer: str) -> Providers:
    chosen = ProviderSettings(
        name="strict",
        issuer=issuer,
        client_id="jubilee",
        client_secret=SecretStr("a-secret-of-the-test"),
        private=True,
    )
    return {"strict": make_provider(chosen, PinnedHttpSender("Jubilee/test"))}


def sign_in(url: str, name: str) -> dict[str, str]:
    """Sign in and consent as a person does; return the query with which the browser comes back."""
    with httpx2.Client(timeout=10) as browser:
        answer = browser.get(url)
        for _ in range(10):
            if answer.status_code == 200:  # a page with a form, for the sign-in or the consent
                prompt = "login" if 'value="login"' in answer.text else "consent"
                form = {"prompt": prompt, "login": name, "password": "any"}
                answer = browser.post(str(answer.url), data=form)
            assert answer.is_redirect, answer.text
            target = urljoin(str(answer.url), answer.headers["location"])
            if target.startswith("http://api.test"):
                return dict(parse_qsl(urlsplit(target).query))
            answer = browser.get(target)
    raise AssertionError("the issuer does not send the browser back")


async def test_a_person_signs_in_at_a_certified_issuer(client: httpx2.AsyncClient) -> None:
    started = await client.get("/auth/oidc/strict/start")
    back = sign_in(started.headers["location"], "zoe")
    assert back.keys() == {"code", "state", "iss"}
    ended = await client.get("/auth/oidc/strict/callback", params=back)
    assert ended.headers["location"].startswith(f"{RETURN}?code="), ended.text
    code = dict(parse_qsl(urlsplit(ended.headers["location"]).query))["code"]
    tokens = (await client.post(EXCHANGE, json={"code": code})).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    me = (await client.get("/users/me", headers=headers)).json()
    assert (me["email"], me["full_name"], me["oauth_provider"]) == (
        "zoe@example.com",
        "Zoe Quill",
        "strict",
    )


async def test_a_code_of_another_flow_is_refused_by_the_issuer(
    client: httpx2.AsyncClient,
) -> None:
    urls = [(await client.get("/auth/oidc/strict/start")).headers["location"] for _ in range(2)]
    first, second = (sign_in(url, name) for url, name in zip(urls, ("zoe", "ada"), strict=True))
    swapped = {**second, "code": first["code"]}
    answer = await client.get("/auth/oidc/strict/callback", params=swapped)
    problem(answer, 400, "invalid_callback")
