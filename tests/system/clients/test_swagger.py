"""The page of Swagger UI, run by jsdom with the scripts of a browser."""

from pathlib import Path

import pytest

from tests.support.api import PASSWORD, Api, sign_up
from tests.system.clients.node import HERE, PACKAGES, run


@pytest.mark.usefixtures("packages")
def test_a_sign_in_survives_a_reload_and_leaves_no_secret(api: Api, tmp_path: Path) -> None:
    """The token is stored for the tab only; the page also follows the color scheme."""
    with api.client() as client:
        sign_up(client, "zoe")
    (tmp_path / "node_modules").symlink_to(PACKAGES / "node_modules")
    story = tmp_path / "swagger_story.mjs"
    story.write_bytes((HERE / story.name).read_bytes())
    ended = run("node", story, api.url, "zoe", PASSWORD, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr[-2000:]
