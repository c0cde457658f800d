"""Where the settings let mail go."""

import stat
from pathlib import Path
from typing import Any

import pytest

from jubilee.bootstrap.mail import mail_is_configured, make_mail_dir
from jubilee.settings import Settings

SMTP = "smtp://127.0.0.1:1025"


@pytest.mark.parametrize(
    ("values", "expected"),
    [({}, False), ({"smtp_url": SMTP}, True), ({"mail_dir": "mail"}, True)],
)
def test_mail_needs_a_server_or_a_folder(values: dict[str, Any], expected: bool) -> None:
    assert mail_is_configured(Settings.model_validate(values)) is expected


def test_the_folder_of_mail_is_made_private_with_its_parents(tmp_path: Path) -> None:
    folder = tmp_path / "var" / "mail"
    settings = Settings.model_validate({"mail_dir": folder})
    make_mail_dir(settings)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    make_mail_dir(settings)  # it may be there already


def test_no_folder_is_made_where_mail_goes_to_a_server(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    make_mail_dir(Settings.model_validate({"mail_dir": folder, "smtp_url": SMTP}))
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        make_mail_dir(Settings.model_validate({"mail_dir": tmp_path / "file" / "mail"}))
