"""What several flows do."""

from collections.abc import Awaitable, Callable

from tests.attacks.actors import Actor
from tests.attacks.flow import Repetition, Step

NEW_SESSION = {"new_session": "access_token", "new_refresh": "refresh_token"}
SESSIONS = {"session", "new_session"}


def mailed(page: str, to: str = "email") -> Callable[[Actor], Awaitable[None]]:
    """Find the last link to this page that was mailed to the address, and the code beside it."""

    async def find(actor: Actor) -> None:
        link = await actor.world.mails.link_to(actor.values[to], page)
        if link is not None:
            actor.values |= {f"{page}-token": link.token, f"{page}-code": link.code}

    return find


def link_proofs(page: str, *, typed: bool, to: str = "email") -> dict[str, str]:
    """Return the members that prove a mailed link: its token, or its code and the address."""
    return {"code": f"{page}-code", "email": to} if typed else {"token": f"{page}-token"}


def sign_in(*needs: str, password: str = "password") -> Step:
    """Sign in by the password."""
    return Step(
        name="sign in",
        call="POST /auth/login",
        proofs={"username": "name", "password": password},
        keeps=NEW_SESSION,
        repetition=Repetition.AGAIN,
        needs=frozenset(needs),
        also={"name": {"email"}},
    )


def read_self(*needs: str, by: str = "new_session") -> Step:
    """Read one's own account with a token."""
    return Step(
        name=f"read by {by}",
        call="GET /users/me",
        by=by,
        repetition=Repetition.SAME,
        needs=frozenset(needs),
        also={by: SESSIONS},
    )
