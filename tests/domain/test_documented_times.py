"""The times, limits and quotas that the documentation promises are those of the code."""

from datetime import timedelta
from pathlib import Path

import pytest

from jubilee.adapters.oidc.id_tokens import MAX_LOGOUT_AGE
from jubilee.bootstrap.attempts import OWN_LIMITS
from jubilee.domain.api_tokens.token import LAST_USE_PRECISION
from jubilee.domain.attempts.attempt import DEFAULT_LIMITS
from jubilee.domain.auth.new_devices import MAX_SIGN_INS, REMEMBERED
from jubilee.domain.auth.sessions import REFRESH_GRACE
from jubilee.domain.factors.verifier import CODE_LIMITS
from jubilee.domain.identities.tickets import CODE_LIFETIME, FLOW_LIFETIME
from jubilee.domain.invites.invite import DEFAULT_LIFETIME, MAX_LIFETIME
from jubilee.domain.leaving.export import KEPT as EXPORT_KEPT
from jubilee.domain.one_time.issuing import MAX_LINKS_PER_HOUR
from jubilee.domain.one_time.link import LIFETIMES, LinkPurpose
from jubilee.domain.one_time.secrets import CODE_CHARS
from jubilee.domain.passkeys.challenges import LIFETIME as CHALLENGE_LIFETIME
from jubilee.domain.rate_limits.quotas import DEFAULT_QUOTAS, RouteClass
from jubilee.domain.retention import ANSWERS_KEPT
from jubilee.domain.signing_keys.key import PUBLISHED_AHEAD

ROOT = Path(__file__).parents[2]
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TIMES = [
    ("README.md", "sent again within a day", ANSWERS_KEPT, DAY),
    (
        "deploy/accounts.md",
        "| the address | 3 days |",
        LIFETIMES[LinkPurpose.VERIFY_EMAIL],
        3 * DAY,
    ),
    ("deploy/accounts.md", "| the address | 1 hour |", LIFETIMES[LinkPurpose.RESET_PASSWORD], HOUR),
    ("deploy/accounts.md", "| the new address | 1 day |", LIFETIMES[LinkPurpose.CHANGE_EMAIL], DAY),
    (
        "deploy/accounts.md",
        "old address | 72 hours |",
        LIFETIMES[LinkPurpose.UNDO_EMAIL],
        72 * HOUR,
    ),
    ("deploy/accounts.md", "archive is kept for seven days", EXPORT_KEPT, 7 * DAY),
    (
        "deploy/accounts.md",
        "kept for seven days: the mailed link downloads it once",
        LIFETIMES[LinkPurpose.EXPORT],
        7 * DAY,
    ),
    ("deploy/accounts.md", "at most every five minutes", LAST_USE_PRECISION, 5 * MINUTE),
    ("deploy/audit.md", "sign-ins of 90 days", REMEMBERED, 90 * DAY),
    ("deploy/roles.md", "for 7 days unless it says otherwise", DEFAULT_LIFETIME, 7 * DAY),
    ("deploy/roles.md", "for 30 at most", MAX_LIFETIME, 30 * DAY),
    ("deploy/secrets.md", "published ten minutes before it signs", PUBLISHED_AHEAD, 10 * MINUTE),
    ("deploy/security-checks.md", "after ten seconds of grace", REFRESH_GRACE, 10 * SECOND),
    ("deploy/security-checks.md", "once, within five minutes", CHALLENGE_LIFETIME, 5 * MINUTE),
    ("deploy/sign-in.md", "once and within five minutes", CODE_LIFETIME, 5 * MINUTE),
    ("deploy/sign-in.md", "in its cookie (ten minutes)", FLOW_LIFETIME, 10 * MINUTE),
    ("deploy/sign-in.md", "once, up to ten minutes after", MAX_LOGOUT_AGE, 10 * MINUTE),
]
LIMITS = [
    (
        "deploy/README.md",
        "signed in in 90 days | 10, then 429 for 15 minutes | 5 in each process |",
        (DEFAULT_LIMITS.account, DEFAULT_LIMITS.window_s, OWN_LIMITS.account),
        (10, 15 * 60, 5),
    ),
    (
        "deploy/README.md",
        "do not know it | 60, then 429 for 15 minutes | 30 in each process |",
        (DEFAULT_LIMITS.address, OWN_LIMITS.address, OWN_LIMITS.window_s),
        (60, 30, 15 * 60),
    ),
    (
        "deploy/security-checks.md",
        "five wrong ones lock the second factor for a quarter of an hour",
        (CODE_LIMITS.account, CODE_LIMITS.window_s),
        (5, 15 * 60),
    ),
    ("deploy/accounts.md", "at most five mails of a kind in an hour", (MAX_LINKS_PER_HOUR,), (5,)),
    ("deploy/accounts.md", "eight letters and digits", (CODE_CHARS,), (8,)),
]


def document(path: str) -> str:
    return (ROOT / path).read_text()


@pytest.mark.parametrize(("path", "promise", "found", "expected"), TIMES)
def test_a_promised_time_is_kept(
    path: str, promise: str, found: timedelta, expected: timedelta
) -> None:
    assert promise in document(path)
    assert found == expected


@pytest.mark.parametrize(("path", "promise", "found", "expected"), LIMITS)
def test_a_promised_limit_is_kept(
    path: str, promise: str, found: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    assert promise in document(path)
    assert found == expected


@pytest.mark.parametrize("route_class", RouteClass)
def test_the_quota_of_each_class_of_requests_is_in_the_table_of_limits(
    route_class: RouteClass,
) -> None:
    table = document("deploy/README.md")
    [row] = [line for line in table.splitlines() if line.startswith(f"| `{route_class}`: ")]
    quota = DEFAULT_QUOTAS[route_class]
    assert f"| {quota.requests:,} a minute |".replace(",", " ") in row
    assert quota.window_s == 60


def test_the_number_of_remembered_sign_ins_is_the_one_of_the_documentation() -> None:
    assert "the account's last hundred sign-ins" in document("deploy/audit.md")
    assert MAX_SIGN_INS == 100
