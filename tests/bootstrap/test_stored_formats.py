"""What one version has written, sent or mailed is read by the next: known answers of each format.

A function that both writes and reads a format may change unnoticed, and rows, links in mails and
tokens of clients are void from then on. A value here changes only with a way to read the old one.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest

from jubilee.bootstrap.servers import signing_keys
from jubilee.domain.api_tokens.text import hashed, secret_text
from jubilee.domain.attempts.attempt import PasswordAttempt
from jubilee.domain.audit.chain import ChainedEntry, Mark, MarkName, hash_client, seal_after
from jubilee.domain.audit.entry import hashed_login
from jubilee.domain.auth.pending import mfa_token_hash
from jubilee.domain.factors.recovery_codes import code_hash, make_codes
from jubilee.domain.greetings.opt_out import OptOutTokens
from jubilee.domain.idempotency.answers import KeyedRequest
from jubilee.domain.identities.exchange import challenge_of
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.kinds import KindSet
from jubilee.domain.one_time.link import LinkPurpose
from jubilee.domain.one_time.secrets import LinkSecrets, readable
from jubilee.domain.passkeys.challenges import ChallengeSigner
from jubilee.entrypoints.http.framework.cursors import Cursors
from jubilee.settings import Settings

KEY = bytes(range(32))
ID = UUID("019aa0c1-7d4e-7c35-9d0f-0123456789ab")
AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
USER = UserId(ID)
ENTRY = ChainedEntry(
    id=ID,
    event="auth.sign_in",
    actor_id=USER,
    subject_id=None,
    occurred_at=AT,
    request_id="r-1",
    details={"reason": "käse"},
    address="192.0.2.7",
    user_agent=None,
    client_salt=b"salt",
    client_hash=hash_client(b"salt", "192.0.2.7", None),
)
REQUEST = KeyedRequest(scope="zoe POST /items", key="k", fingerprint=b"")
SECRETS = LinkSecrets(KEY)


@dataclass(frozen=True, slots=True)
class Link:
    """A stored link."""

    id: UUID
    token_hash: bytes
    code_hash: bytes


def revealed() -> str:
    """Return token and code of a link of this id."""
    token, code = SECRETS.reveal(Link(ID, *SECRETS.hashes(ID)))
    return f"{token} {readable(code)}"


FORMATS: dict[str, Callable[[], str | bytes]] = {
    "API token": lambda: secret_text("jbl_", KEY[:24]),
    "stored API token": lambda: hashed("jbl_x"),
    "mailed link": revealed,
    "stored link": lambda: " ".join(each.hex() for each in SECRETS.hashes(ID)),
    "recovery code": lambda: make_codes(KEY)[9],
    "stored recovery code": lambda: code_hash("abcd-0o1l"),
    "opt-out": lambda: OptOutTokens(KEY).sign(USER),
    "stored second step": lambda: mfa_token_hash("token"),
    "challenge": lambda: ChallengeSigner((KEY,), lambda: KEY).issue("sign in", AT),
    "challenge of a code": lambda: challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
    "audited login": lambda: hashed_login(KEY, "Zoë"),
    "audited entry": lambda: ENTRY.hash,
    "audit seal": lambda: seal_after(3, KEY, [ENTRY, ENTRY], AT).digest,
    "audit mark": lambda: Mark(MarkName.SEALED, 3, KEY).signed(KEY).signature,
    "idempotent request": lambda: REQUEST.id,
    "kinds of a worker": lambda: KindSet(frozenset({"echo", "email.send"})).fingerprint,
    "cursor": lambda: Cursors(KEY).encode(("2026-11-20", "ü"), "/items?"),
    "counted sign-in": lambda: PasswordAttempt.sign_in("Zoë", None, "192.0.2.7").target,
    "counted code": lambda: (
        PasswordAttempt.mailed_code(LinkPurpose.UNDO_EMAIL, "Z@x.test", None).target
    ),
}
KNOWN = {
    "API token": "200d9e36abb05f5d",
    "stored API token": "900d26c08b1a3956",
    "mailed link": "30a3508294c52e33",
    "stored link": "bd2ec42c55a37f65",
    "recovery code": "b20d9b67c3131049",
    "stored recovery code": "30e6901eb2df5068",
    "opt-out": "bac4c2d5c19ce500",
    "stored second step": "db37d21181592000",
    "challenge": "34e94073aaafa7fc",
    "challenge of a code": "0d299b1eb548708d",
    "audited login": "1083ce0e5675d8b8",
    "audited entry": "18fbe76efc45e6f1",
    "audit seal": "1894f1e0b35ba2b3",
    "audit mark": "08f9c360c967fdee",
    "idempotent request": "5ab83117cf2b69d2",
    "kinds of a worker": "dba35c62b0c5716b",
    "cursor": "3aadc44bc758b898",
    "counted sign-in": "34495cce00db660e",
    "counted code": "1fbf1b2a0e575b47",
}
"""The beginning of the hash of each."""

KEYS = {
    "access": "a6f55ff1",
    "refresh": "3b1285d8",
    "cursor": "5a712eac",
    "answer": "ad0901cb",
    "counters": "d16cec3b",
    "audit": "ea5e3433",
    "ticket": "208db4ec",
    "vault": "e58211d5",
    "link": "16ac5d11",
    "address": "8d0aa1b7",
    "export": "fee719ed",
    "passkeys": "46379021",
    "factors": "6807642b",
}
"""Of a SECRET_KEY, by their first digits."""


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_the_one_of_earlier_versions(name: str) -> None:
    found = FORMATS[name]()
    text = found if isinstance(found, str) else found.hex()
    assert sha256(text.encode()).hexdigest()[:16] == KNOWN[name], text


def test_the_keys_of_each_purpose_are_those_of_earlier_versions(tmp_path: Path) -> None:
    given = {"secret_key": "s" * 40, "secret_key_previous": "t" * 40, "data_dir": tmp_path}
    current, previous = signing_keys(Settings.model_validate(given))
    keys = {field.name: getattr(current, field.name).hex()[:8] for field in fields(current)}
    assert keys == KEYS
    assert len({*keys.values(), *(getattr(previous, name).hex()[:8] for name in keys)}) == 26
