"""Challenges for authenticators: signed, so that none is stored before it has been answered."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from jubilee.domain.factors.ports import MakeSecret
from jubilee.domain.signatures import SIGNATURE_BYTES, is_signed, signature

LIFETIME = timedelta(minutes=5)
TIME_BYTES, NONCE_BYTES = 8, 16


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
        return body + signature(self.keys[0], _content(purpose, body))

    def ends_at(
        self, challenge: bytes, purposes: tuple[str, ...], now: datetime
    ) -> datetime | None:
        """Return when it expires; None if it has expired or is for none of the purposes."""
        body, found = challenge[:-SIGNATURE_BYTES], challenge[-SIGNATURE_BYTES:]
        if len(body) != TIME_BYTES + NONCE_BYTES:
            return None
        if not any(is_signed(_content(each, body), found, self.keys) for each in purposes):
            return None
        ends = datetime.fromtimestamp(int.from_bytes(body[:TIME_BYTES], "big"), UTC)
        return ends if now < ends else None


def _content(purpose: str, body: bytes) -> bytes:
    return purpose.encode(errors="surrogatepass") + b"\0" + body
