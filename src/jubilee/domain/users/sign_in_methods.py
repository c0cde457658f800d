"""What an account can sign in by, of which something must always remain."""

from collections.abc import Collection, Sequence
from typing import Protocol

from jubilee.domain.errors import Conflict
from jubilee.domain.identity import UserId
from jubilee.domain.users.user import User


class LastSignInMethod(Conflict):
    """This is the last way to sign in to the account."""

    code = "last_sign_in_method"


# Ports


class LinkedIdentity(Protocol):
    """An identity at another provider."""

    @property
    def issuer(self) -> str:
        """The issuer that knows it."""


class LinkedIdentityReader(Protocol):
    """Reads the identities of accounts at other providers."""

    async def list_for(self, user_id: UserId) -> Sequence[LinkedIdentity]:
        """List those of the account."""


class SignInMethodReader(Protocol):
    """Reads the passkeys of accounts."""

    async def list_for(self, user_id: UserId) -> Sequence[object]:
        """List those of the account."""


class SignInMethodView(Protocol):
    """What an account signs in by, beside its password."""

    @property
    def identities(self) -> LinkedIdentityReader:
        """The identities at other providers."""

    @property
    def passkeys(self) -> SignInMethodReader:
        """The passkeys."""


async def require_sign_in_method(
    view: SignInMethodView, user: User, issuers: Collection[str]
) -> None:
    """Raise LastSignInMethod if the account has no password, passkey or usable identity.

    An identity is usable while its issuer is one of the configured `issuers`. The caller has
    removed one of them, and holds the lock of the account: of parallel removals, one sees what the
    other has left.
    """
    if user.password_hash is not None or await view.passkeys.list_for(user.id):
        return
    linked = await view.identities.list_for(user.id)
    if not any(identity.issuer in issuers for identity in linked):
        raise LastSignInMethod
