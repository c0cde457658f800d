"""Fixtures of the tests on generated clients and on linters of the document."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.generated_document import DOCUMENT
from tests.support.api import COMMAND, NO_MAIL, Api
from tests.support.running import Up
from tests.system.clients.node import install


@pytest.fixture(scope="session")
def packages() -> None:
    """Install Node's packages."""
    install()


@pytest.fixture(scope="module")
def openapi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The OpenAPI document as a file in a folder of its own."""
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_text(json.dumps(DOCUMENT))
    return path


@pytest.fixture
def service(api: Api, tmp_path: Path) -> Iterator[str]:
    """URL of an API that has a worker."""
    urls: dict[str, str | None] = {**api.urls, "SMTP_URL": NO_MAIL}
    worker = Up(tmp_path / "data", tmp_path, (*COMMAND, "worker"), **urls)
    try:
        yield f"{api.url}/api"
    finally:
        worker.end()
