"""The pages that mails link to, in Chromium: by keyboard, and as screen readers get them.

With `JUBILEE_PICTURES` naming a folder, pictures of the English pages are written there.
"""

import asyncio
import json
import os
from pathlib import Path

import pytest
from starlette.types import ASGIApp

from jubilee.domain.services import Services
from jubilee.entrypoints.http.connections.limits import ConnectionLimits
from jubilee.languages.catalogs import DEFAULT_LANGUAGE, LANGUAGES
from tests.conftest import SignUp
from tests.fakes.mail_worker import FakeMailWorker
from tests.http.sockets import serving
from tests.system.clients.account_pages import PATHS, DonePages, Visit, forms
from tests.system.clients.chromium import CHROMIUM, needs_chromium
from tests.system.clients.node import HERE, PACKAGES, run

DEPLOY = Path(__file__).parents[3] / "deploy"
DESCRIBED = (DEPLOY / "accounts.md").read_text("utf-8")
MAX_PICTURE_BYTES = 60_000
PICTURES = os.environ.get("JUBILEE_PICTURES", "")


@pytest.fixture
async def visits(services: Services, mails: FakeMailWorker, sign_up: SignUp) -> list[Visit]:
    """A visit of every page."""
    return [*forms(), *await DonePages(services, mails, sign_up).visits()]


@pytest.mark.usefixtures("packages")
@needs_chromium
@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_works_by_keyboard_and_has_no_fault_that_axe_finds(
    app: ASGIApp, visits: list[Visit], tmp_path: Path, language: str
) -> None:
    listed = tmp_path / "visits.json"
    listed.write_text(json.dumps([{**visit, "language": language} for visit in visits]))
    async with serving(app, ConnectionLimits()) as wire:
        ended = await asyncio.to_thread(
            run, "node", HERE / "pages_story.mjs", str(CHROMIUM), tmp_path / "profile",
            f"http://127.0.0.1:{wire.port}", PACKAGES / "node_modules/axe-core/axe.min.js", listed,
            PICTURES if language == DEFAULT_LANGUAGE else "", cwd=tmp_path,
        )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-2000:]


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_described_with_its_pictures(path: str) -> None:
    assert f"`{path}`" in DESCRIBED
    for width in ("phone", "desktop"):
        picture = f"pages/{path.rpartition('/')[2]}-{width}.png"
        assert f"({picture})" in DESCRIBED
        assert 0 < (DEPLOY / picture).stat().st_size < MAX_PICTURE_BYTES


def test_every_picture_of_a_page_is_shown() -> None:
    pictures = [f"(pages/{path.name})" for path in (DEPLOY / "pages").iterdir()]
    assert pictures
    assert [picture for picture in pictures if picture not in DESCRIBED] == []
