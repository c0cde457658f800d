"""Recent proofs of identity, as far as changes of accounts need them."""

from dataclasses import dataclass
from datetime import timedelta

from jubilee.domain.clock import Clock
from jubilee.domain.errors import NotAllowed
from jubilee.domain.identity import Credential, Principal

DEFAULT_WINDOW = timedelta(minutes=15)


class ReauthenticationRequired(NotAllowed):
    """This needs a recent proof of who you are."""

    code = "reauthentication_required"


@dataclass(frozen=True, slots=True)
class RecentProof:
    """Requires that callers have proved a short time ago who they are; a sign-in is a proof."""

    clock: Clock
    window: timedelta = DEFAULT_WINDOW

    def require(self, principal: Principal) -> None:
        """Raise ReauthenticationRequired unless the last proof is younger than the window.

        Operators are authorized by their access to the database.
        """
        proved_at = principal.proved_at
        is_recent = proved_at is not None and self.clock() - proved_at < self.window
        if not is_recent and principal.credential is not Credential.OPERATOR:
            raise ReauthenticationRequired
