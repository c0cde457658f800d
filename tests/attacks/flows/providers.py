"""The flow of a sign-in by another provider."""

from urllib.parse import parse_qs, urlsplit

from httpx2 import Response

from jubilee.domain.identities.exchange import challenge_of
from tests.attacks.actors import Actor
from tests.attacks.flow import Flow, Repetition, Step
from tests.attacks.flows.common import NEW_SESSION, read_self


async def _choose_challenge(actor: Actor) -> None:
    actor.values["challenge"] = challenge_of(actor.values["verifier"])


def _keep_url(actor: Actor, answer: Response) -> None:
    actor.values["url"] = answer.headers["location"]


async def _sign_in_there(actor: Actor) -> None:
    """Sign in at the provider, which sends the browser back."""
    url = actor.values.pop("url", None)
    if url is None:
        return
    email = f"{actor.name}@provider.example"
    claims = {"sub": actor.name, "email": email, "email_verified": True}
    back = actor.world.issuer.sign_in(url, **claims)
    actor.values |= {"state": back["state"], "provider_code": back["code"]}


def _keep_code(actor: Actor, answer: Response) -> None:
    (actor.values["exchange_code"],) = parse_qs(urlsplit(answer.headers["location"]).query)["code"]


def _start(name: str) -> Step:
    return Step(
        name=name,
        call="GET /auth/oidc/here/start",
        before=_choose_challenge,
        given={"code_challenge": "{challenge}"},
        status=303,
        after=_keep_url,
        repetition=Repetition.SAME,
    )


def _callback(name: str, *needs: str) -> Step:
    return Step(
        name=name,
        call="GET /auth/oidc/here/callback",
        before=_sign_in_there,
        proofs={"state": "state", "code": "provider_code"},
        cookies=True,
        fragile=True,
        status=303,
        after=_keep_code,
        needs=frozenset(needs),
    )


EXCHANGED = {"code": "exchange_code", "code_verifier": "verifier"}
LINK = Step(
    name="link",
    call="POST /auth/identities",
    by="session",
    proofs=EXCHANGED,
    status=201,
    keeps={"identity": "id"},
    needs=frozenset({"start", "come back"}),
    unbound=frozenset({"session"}),
)
EXCHANGE = Step(
    name="exchange",
    call="POST /auth/oidc/exchange",
    proofs=EXCHANGED,
    keeps=NEW_SESSION,
    needs=frozenset({"start again", "come back again"}),
)
UNLINK = Step(
    name="unlink",
    call="DELETE /auth/identities/{identity}",
    by="session",
    status=204,
    needs=frozenset({"link"}),
    also={"session": {"new_session"}},
)
FLOWS = (
    Flow(
        name="sign-in by a provider",
        steps=(
            _start("start"),
            _callback("come back", "start"),
            LINK,
            _start("start again"),
            _callback("come back again", "start again"),
            EXCHANGE,
            read_self("exchange"),
            UNLINK,
        ),
    ),
)
