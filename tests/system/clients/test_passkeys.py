"""Passkeys in Chromium, whose virtual authenticator makes them on a page of the service."""

from pathlib import Path

from tests.support.api import Api, sign_up
from tests.system.clients.chromium import CHROMIUM, needs_chromium
from tests.system.clients.node import HERE, run


@needs_chromium
def test_check_21_a_browser_makes_a_passkey_and_signs_in_by_it(api: Api, tmp_path: Path) -> None:
    """With and without a user name, once for each challenge, and only with the user verified."""
    with api.client() as client:
        token = sign_up(client, "zoe")["access_token"]
    url = f"http://localhost:{api.port}"
    ended = run(
        "node", HERE / "passkey_story.mjs", str(CHROMIUM), tmp_path / "profile", url, token,
        cwd=tmp_path,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-2000:]
