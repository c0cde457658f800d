"""`jubilee api` and `jubilee worker`: what they check before they start."""

import socket

import pytest

from jubilee.commands import api_process
from jubilee.settings import Settings


def test_an_api_whose_port_is_taken_ends_with_a_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        monkeypatch.setattr(api_process, "start_logging", lambda *_: None)
        assert api_process.api(Settings(), None) == 1
    assert f"port {port} on 127.0.0.1 is taken" in caplog.messages[-1]
    assert caplog.messages[-1].endswith(f"PORT={port % 65535 + 1}")


@pytest.mark.parametrize(("url", "warnings"), [(None, 1), ("smtp://mail.example", 0)])
def test_a_start_without_a_mail_server_is_a_warning(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    url: str | None,
    warnings: int,
) -> None:
    monkeypatch.setattr(api_process, "start_logging", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings.model_validate(
            {"port": port, "smtp_url": url, "mail_from": "a@b.example"}
        )
        assert api_process.api(settings, None) == 1
    assert len([line for line in caplog.messages if "mail is not configured" in line]) == warnings
