"""The kinds of jobs that a process knows."""

from pathlib import Path

import pytest

from jubilee.bootstrap.adapters import open_adapters
from jubilee.bootstrap.job_kinds import every_kind, runnable_kinds
from jubilee.domain.jobs.payload import MASK
from jubilee.settings import Settings
from tests.support.api import NO_REDIS, NOWHERE

SHOWN = {
    *("echo", "email.send", "email.welcome", "email.greeting"),
    *("account.erase", "account.export"),
}
MASKED = {
    "email.account": "values",
    "email.link": "address",
    "email.register": "account",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    urls = {"database_url": NOWHERE, "redis_url": NO_REDIS}
    return Settings.model_validate({**urls, "data_dir": tmp_path})


@pytest.mark.parametrize("mail_dir", [None, Path("mail")])
async def test_a_worker_without_mail_leaves_jobs_of_mail_to_others(
    settings: Settings, mail_dir: Path | None
) -> None:
    chosen = settings.model_copy(update={"mail_dir": mail_dir})
    async with open_adapters(chosen) as adapters:
        every = {kind.name for kind in every_kind(chosen, adapters)}
        runnable = {kind.name for kind in runnable_kinds(chosen, adapters)}
    without_mail = {"echo", "http.request", "account.erase", "account.export"}
    assert runnable == (without_mail if mail_dir is None else every)
    assert every > without_mail


async def test_admins_see_the_data_of_a_job_without_its_secrets(settings: Settings) -> None:
    async with open_adapters(settings) as adapters:
        kinds = {kind.name: kind for kind in every_kind(settings, adapters)}
    data = {"user_id": "a", "values": "s", "address": "s", "account": "s"}
    for name in SHOWN:
        assert kinds[name].redact(data) == data
    for name, member in MASKED.items():
        assert kinds[name].redact(data) == {**data, member: MASK}
