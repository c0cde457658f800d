"""The page of Swagger UI: by jsdom with the scripts of a browser, and in Chromium."""

import asyncio
from pathlib import Path

import pytest
from starlette.types import ASGIApp

from jubilee.entrypoints.http.connections.limits import ConnectionLimits
from tests.http.sockets import serving
from tests.support.api import PASSWORD, Api, sign_up
from tests.system.clients.chromium import CHROMIUM, needs_chromium
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


@pytest.mark.usefixtures("packages")
@needs_chromium
async def test_the_page_fits_a_phone_and_is_dark_where_the_phone_is(
    app: ASGIApp, tmp_path: Path
) -> None:
    async with serving(app, ConnectionLimits()) as wire:
        ended = await asyncio.to_thread(
            run, "node", HERE / "swagger_phone.mjs", str(CHROMIUM), tmp_path / "profile",
            f"http://127.0.0.1:{wire.port}", cwd=tmp_path,
        )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-2000:]
