"""What begins or ends at a moment does so at that moment, neither before nor after it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.ticket_sealer import AesTicketSealer
from jubilee.domain.auth.sessions import REFRESH_GRACE, ClientInfo, Session, TokenReuse
from jubilee.domain.auth.tokens import RefreshToken
from jubilee.domain.errors import DomainError
from jubilee.domain.greetings.greeting import GreetingState
from jubilee.domain.greetings.planning import CATCH_UP, DAY, DueMoment, PlanningSpan
from jubilee.domain.identities.tickets import FlowTicket, open_flow, seal_ticket
from jubilee.domain.identity import Principal, SessionId, UserId
from jubilee.domain.one_time.link import LinkPurpose, OneTimeLink
from jubilee.domain.passkeys.challenges import LIFETIME, ChallengeSigner
from jubilee.domain.signing_keys.key import KeyAlgorithm, KeyMaterial, KeyState, SigningKey
from jubilee.domain.users.recent_proof import RecentProof
from jubilee.domain.users.user import User
from tests.fakes.store import START

USER, KEY, WINDOW = UserId(new_id()), b"k" * 32, timedelta(minutes=10)
SECOND, MOMENT = timedelta(seconds=1), timedelta(microseconds=1)
LINK = OneTimeLink(
    id=new_id(),
    user_id=USER,
    purpose=LinkPurpose.RESET_PASSWORD,
    recipient="zoe@example.com",
    token_hash=b"t",
    code_hash=b"c",
    created_at=START - SECOND,
    expires_at=START,
)
LOCKED = User(
    id=USER,
    email="zoe@example.com",
    created_at=START,
    updated_at=START,
    locked_at=START - SECOND,
    locked_until=START,
)
SIGNING = SigningKey(
    material=KeyMaterial("k", KeyAlgorithm.EDDSA, "{}", b""),
    created_at=START - SECOND,
    signs_from=START,
)
RETIRED = replace(SIGNING, signs_from=START - SECOND, signs_until=START, verifies_until=START)
CHALLENGES = ChallengeSigner((KEY,), lambda: KEY)
CHALLENGE = CHALLENGES.issue("sign in", START - LIFETIME)
FLOW = FlowTicket(
    provider="here",
    state="s",
    nonce="n",
    verifier="v",
    redirect_to="https://app.example",
    challenge=None,
    expires=START.timestamp(),
)
SEALER = AesTicketSealer(KEY)
TICKET = seal_ticket(SEALER, FLOW)
BEFORE = RefreshToken(SessionId(new_id()), 1, KEY)
SESSION = Session(
    id=BEFORE.session_id,
    user_id=USER,
    generation=2,
    token_hash=b"t",
    previous_hash=BEFORE.hash,
    rotated_at=START - REFRESH_GRACE - MOMENT,
    expires_at=START + SECOND,
    created_at=START,
    client=ClientInfo(None, None),
)
PLANNED, SKIPPED = GreetingState.PLANNED, GreetingState.SKIPPED
PROVED = Principal(USER, None, proved_at=START - WINDOW)


def has_recent_proof(now: datetime) -> bool:
    try:
        RecentProof(lambda: now, WINDOW).require(PROVED)
    except DomainError:
        return False
    return True


ENDS: dict[str, Callable[[datetime], bool]] = {
    "link": LINK.is_live,
    "lock": LOCKED.is_locked,
    "refused sign-in": lambda now: not LOCKED.may_sign_in(now),
    "next key": lambda now: SIGNING.state(now) is KeyState.NEXT,
    "signing key": lambda now: RETIRED.state(now) is KeyState.SIGNING,
    "verifying key": lambda now: not RETIRED.has_expired(now),
    "challenge": lambda now: CHALLENGES.ends_at(CHALLENGE, ("sign in",), now) == START,
    "ticket": lambda now: open_flow(SEALER, TICKET, now) == FLOW,
    "recent proof": has_recent_proof,
    "repeated refresh": lambda now: SESSION.classify(BEFORE, now=now) is TokenReuse.REPEATED,
}


@pytest.mark.parametrize("name", ENDS)
def test_it_lasts_until_the_moment_of_its_end(name: str) -> None:
    lasts = ENDS[name]
    assert lasts(START - MOMENT)
    assert not lasts(START)
    assert not lasts(START + MOMENT)


@pytest.mark.parametrize(
    ("late_by", "state"), [(CATCH_UP - MOMENT, PLANNED), (CATCH_UP, SKIPPED), (3 * DAY, None)]
)
def test_a_greeting_is_planned_until_it_is_a_day_late(
    late_by: timedelta, state: GreetingState | None
) -> None:
    due = DueMoment(START - late_by, START)
    assert PlanningSpan(START - 3 * DAY, START).state_for(due) is state
