"""The mails to an account: listed in memory and in PostgreSQL, and what became of them."""

import json
from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres import one_time, own_mails
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.adapters.postgres.transaction import transactions, views
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.account_mail import MailTemplate, account_mail
from jubilee.domain.own_mails import MailStatus, OwnMail
from jubilee.domain.users.registration import welcome_mail
from jubilee.domain.users.user import User
from tests.contracts.accounts import MANY_USERS, NOW, add_users, make_user
from tests.contracts.conftest import Database
from tests.contracts.task_rows import insert_task, make_task

ENDED = Statement.from_sql(
    """
    UPDATE jobs SET status = CAST(:status AS text), finished_at = now(),
        result = CAST(:result AS jsonb), error = CAST(:error AS jsonb) RETURNING id
    """
)
ROWS = """
    INSERT INTO one_time_links (id, user_id, purpose, recipient, recipient_key, payload,
                                token_hash, code_hash, created_at, expires_at)
    SELECT gen_random_uuid(), id, 'reset_password', email, email_key, '{}', sha256(email::bytea),
           'x', now(), now() FROM users;
    INSERT INTO jobs (id, owner_id, kind, lane, data, priority, status, attempts, max_attempts,
                      epoch, run_at, created_at)
    SELECT gen_random_uuid(), id, 'email.account', 'system', '{}', 5, 'queued', 0, 10, 0, now(),
           now() FROM users;
    ANALYZE;
    SET enable_seqscan = off
"""
LINK = {"owner": new_id(), "purpose": "reset_password", "now": NOW, "since": NOW}
LINK |= {"recipient_key": "7", "token_hash": b"7", "link_id": new_id(), "rows": 21, "kept": ""}
OF_ACCOUNT = "ix_one_time_links_user_id_purpose_created_at"
PLANS = {
    "replace": (one_time.REPLACE, OF_ACCOUNT),
    "replace those to one address": (one_time.REPLACE_SAME, "ix_one_time_links_"),
    "end all": (one_time.END_ALL, OF_ACCOUNT),
    "count": (one_time.COUNT, OF_ACCOUNT),
    "get": (one_time.GET, "pk_one_time_links"),
    "end": (one_time.END, "pk_one_time_links"),
    "by token": (one_time.BY_TOKEN, "uq_one_time_links_token_hash"),
    "by recipient": (one_time.BY_RECIPIENT, "ix_one_time_links_recipient_key_purpose"),
    "own mails": (own_mails.PAGE, "ix_jobs_owner_id_id"),
}


@pytest.fixture
async def zoe(database: Database) -> User:
    user = make_user("zoe")
    await add_users(database, user)
    return user


async def list_mails(database: Database, user: User, limit: int = 100) -> list[OwnMail]:
    """Return the mails of all pages."""
    found, after = list[OwnMail](), None
    while True:
        async with database.read() as view:
            page = await view.own_mails.page(user.id, after=after, limit=limit)
        found += page.rows
        after = page.after
        if after is None:
            return found


async def test_the_mails_to_an_account_are_listed_newest_first(
    database: Database, zoe: User
) -> None:
    other = make_user("max")
    await add_users(database, other)
    async with database.write() as tx:
        await tx.jobs.add(welcome_mail(new_id(), other.id))
        await tx.jobs.add(welcome_mail(new_id(), zoe.id))
        for template in (MailTemplate.VERIFY_EMAIL, MailTemplate.PASSWORD_CHANGED):
            await tx.jobs.add(account_mail(new_id(), zoe.id, template))
    async with database.write() as tx:
        await insert_task(tx, make_task(zoe, kind="email.welcome"), limit=9)  # of their own
    for limit in (1, 2, 3, 4):
        mails = await list_mails(database, zoe, limit)
        assert [mail.template for mail in mails] == ["password_changed", "verify_email", "welcome"]
        assert {mail.status for mail in mails} == {MailStatus.QUEUED}


@pytest.mark.parametrize(
    ("status", "result", "error", "expected"),
    [
        ("succeeded", {"message_id": "<1@x>"}, None, MailStatus.SENT),
        ("succeeded", {"skipped": "link_ended"}, None, MailStatus.SKIPPED),
        ("succeeded", {"state": "skipped", "reason": "late"}, None, MailStatus.SKIPPED),
        ("succeeded", {"state": "sent"}, None, MailStatus.SENT),
        ("cancelled", None, None, MailStatus.SKIPPED),
        ("dead", None, {"code": "undeliverable"}, MailStatus.FAILED),
    ],
)
async def test_a_mail_says_what_became_of_it(
    pool: ConnectionPool, status: str, result: Any, error: Any, expected: MailStatus
) -> None:
    context = WriteContext(lambda: NOW, new_id, lambda: None)
    database = Database(transactions(pool, context), views(pool, context))
    zoe = make_user("zoe")
    await add_users(database, zoe)
    async with database.write() as tx:
        await tx.jobs.add(account_mail(new_id(), zoe.id, MailTemplate.VERIFY_EMAIL))
        documents = {"result": json.dumps(result), "error": json.dumps(error)}
        await tx.executor.run(ENDED, status=status, **documents)
    (mail,) = await list_mails(database, zoe)
    assert mail.status is expected
    assert mail.error == (error and error["code"])


async def test_every_statement_uses_its_index(pool: ConnectionPool) -> None:
    async with pool.connection() as driver:
        await driver.execute(MANY_USERS, 2000)
        await driver.execute(ROWS)
        for name, (statement, index) in PLANS.items():
            values = {**LINK, "last": own_mails.LAST}
            rows: list[Any] = await driver.fetch(
                f"EXPLAIN {statement.sql}", *statement.arguments(values)
            )
            plan = "\n".join(row[0] for row in rows)
            assert index in plan, f"{name}\n{plan}"
            assert "Seq Scan" not in plan, f"{name}\n{plan}"
