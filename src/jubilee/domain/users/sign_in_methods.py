"""What an account can sign in by, of which something must always remain."""

from collections.abc import Sequence
from typing import Protocol

from jubilee.domain.errors import Conflict
from jubilee.domain.identity import UserId
from jubilee.domain.users.user import User


class LastSignInMethod(Conflict):
    """This is the last way to sign in to the account."""

    code = "last_sign_in_method"


# Ports


class SignInMethodReader(Protocol):
    """Reads the passkeys, or the identities at other providers, of accounts."""

    async def list_for(self, user_id: UserId) -> Sequence[object]:
        """List those of the account."""


class SignInMethodView(Protocol):
    """What an account signs in by, beside its password."""

    @property
    def identities(self) -> SignInMethodReader:
        """The identities at other providers."""

    @property
    def passkeys(self) -> SignInMethodReader:
        """The passkeys."""


async def require_sign_in_method(view: SignInMethodView, user: User) -> None:
    """Raise LastSignInMethod if the account has no password, passkey or identity.

    The caller has removed one of them, and holds the lock of the account: of parallel removals,
    one sees what the other has left.
    """
    if user.password_hash is not None or await view.identities.list_for(user.id):
        return
    if not await view.passkeys.list_for(user.id):
        raise LastSignInMethod
