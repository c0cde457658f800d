"""Challenges for authenticators: signed, so that none is stored before it has been answered."""

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from jubilee.domain.factors.ports import MakeSecret

LIFETIME = timedelta(minutes=5)
TIME_BYTES, NONCE_BYTES, TAG_BYTES = 8, 16, 16


@dataclass(frozen=True, slots=True)
class ChallengeSigner:
    """Makes challenges for one purpose, and recognizes them.

    Anonymous clients can ask for any number of challenges: they cost no row. One that has been
    answered is stored until it expires, so that it is answered once.
    """

    keys: tuple[bytes, ...] = field(repr=False)
    """The first signs; challenges of all of them are accepted."""
    make_secret: MakeSecret

    def issue(self, purpose: str, now: datetime) -> bytes:
        """Return a new challenge."""
        ends = int((now + LIFETIME).timestamp())
        body = ends.to_bytes(TIME_BYTES, "big") + self.make_secret()[:NONCE_BYTES]
        return body + _tag(self.keys[0], purpose, body)

    def ends_at(
        self, challenge: bytes, purposes: tuple[str, ...], now: datetime
    ) -> datetime | None:
        """Return when it expires; None if it has expired or is for none of the purposes."""
        body, tag = challenge[:-TAG_BYTES], challenge[-TAG_BYTES:]
        if len(challenge) != TIME_BYTES + NONCE_BYTES + TAG_BYTES:
            return None
        tags = [_tag(key, purpose, body) for key in self.keys for purpose in purposes]
        if not any(hmac.compare_digest(tag, known) for known in tags):
            return None
        ends = datetime.fromtimestamp(int.from_bytes(body[:TIME_BYTES], "big"), UTC)
        return ends if now < ends else None


def _tag(key: bytes, purpose: str, body: bytes) -> bytes:
    text = purpose.encode(errors="surrogatepass") + b"\0" + body
    return hmac.digest(key, text, "sha256")[:TAG_BYTES]
