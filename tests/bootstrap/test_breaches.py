"""The check for leaked passwords that the settings choose."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from jubilee.adapters.pwned_passwords import PwnedPasswordsApi, PwnedPasswordsFile
from jubilee.bootstrap.breaches import TIMEOUTS, breach_check
from jubilee.bootstrap.servers import ServerUrls
from jubilee.bootstrap.telemetry import open_telemetry
from jubilee.domain.breaches import CHECK_TIMEOUT_S
from jubilee.settings import Settings
from tests.support.api import NO_REDIS, NOWHERE

HASHES = "0005AD76BD555C1D6D771DE417A4B87E4B4:10\n"


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("", None),
        ("pwned_passwords_url", PwnedPasswordsApi),
        ("pwned_passwords_file", PwnedPasswordsFile),
    ],
)
async def test_an_api_a_file_or_nothing_is_asked(
    tmp_path: Path, name: str, reader: type | None
) -> None:
    path = tmp_path / "hashes"
    path.write_text(HASHES)
    values = {"pwned_passwords_url": "https://pwned.example", "pwned_passwords_file": str(path)}
    settings = Settings.model_validate({name: values[name]} if name else {})
    async with open_telemetry(settings, ServerUrls(NOWHERE, NO_REDIS), None) as telemetry:
        with ExitStack() as ends:
            check = breach_check(settings, telemetry, ends)
            assert (None if check is None else type(check.reader)) is reader


def test_connecting_and_each_read_end_within_the_time_of_a_check() -> None:
    assert TIMEOUTS.connect_s + TIMEOUTS.read_s <= TIMEOUTS.total_s == CHECK_TIMEOUT_S
