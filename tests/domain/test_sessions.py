"""Classifying a presented refresh token."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.auth.sessions import REFRESH_GRACE, ClientInfo, Session, TokenReuse
from jubilee.domain.auth.tokens import RefreshToken
from jubilee.domain.identity import SessionId, UserId
from tests.fakes.store import START

KEY, IDLE = b"r" * 32, timedelta(days=30)
FIRST = RefreshToken(SessionId(new_id()), 1, b"s" * 32)
SECOND = FIRST.successor(KEY)
THIRD = SECOND.successor(KEY)


@pytest.fixture
def session() -> Session:
    """A new session, which has issued FIRST."""
    return Session(
        id=FIRST.session_id,
        user_id=UserId(new_id()),
        generation=1,
        token_hash=FIRST.hash,
        rotated_at=START,
        expires_at=START + IDLE,
        created_at=START,
        client=ClientInfo("192.0.2.7", "test"),
    )


def test_the_token_issued_last_is_current(session: Session) -> None:
    assert session.classify(FIRST, now=START) is TokenReuse.CURRENT
    assert session.classify(FIRST, now=START + IDLE) is TokenReuse.CURRENT


def test_rotation_extends_the_session(session: Session) -> None:
    later = START + timedelta(days=3)
    rotated = session.rotated(SECOND, now=later, idle=IDLE)
    assert (rotated.generation, rotated.rotated_at) == (2, later)
    assert rotated.expires_at == later + IDLE
    assert rotated.created_at == session.created_at
    assert rotated.classify(SECOND, now=later) is TokenReuse.CURRENT


@pytest.mark.parametrize(
    ("seconds", "presented"),
    [
        (0.0, TokenReuse.REPEATED),
        (10.0, TokenReuse.REPEATED),
        (10.001, TokenReuse.REUSED),
        (86_400.0, TokenReuse.REUSED),
    ],
)
def test_the_previous_token_may_be_repeated_for_ten_seconds(
    session: Session, seconds: float, presented: TokenReuse
) -> None:
    rotated = session.rotated(SECOND, now=START, idle=IDLE)
    assert rotated.classify(FIRST, now=START + timedelta(seconds=seconds)) is presented


def test_the_grace_period_ends_when_the_successor_is_used(session: Session) -> None:
    rotated = session.rotated(SECOND, now=START, idle=IDLE).rotated(THIRD, now=START, idle=IDLE)
    assert rotated.classify(FIRST, now=START) is TokenReuse.REUSED
    assert rotated.classify(SECOND, now=START + REFRESH_GRACE) is TokenReuse.REPEATED
    assert rotated.classify(THIRD, now=START) is TokenReuse.CURRENT


def test_a_new_session_accepts_no_other_token(session: Session) -> None:
    assert session.classify(SECOND, now=START) is TokenReuse.REUSED
    assert session.classify(replace(FIRST, secret=b""), now=START) is TokenReuse.REUSED
