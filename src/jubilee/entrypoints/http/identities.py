"""Endpoints of the identities that are linked with one's own account."""

from datetime import datetime
from uuid import UUID

from pydantic import Field
from starlette.responses import Response

from jubilee.domain.auth.tokens import InvalidGrant
from jubilee.domain.identities.identity import (
    Identity,
    IdentityNotFound,
    IdentityTaken,
    TooManyIdentities,
)
from jubilee.domain.users.sign_in_methods import LastSignInMethod
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Model,
    Nothing,
    ReplyModel,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.responses import no_content, ok

TAG = "auth"
IDENTITY_EXAMPLE = {
    "id": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f",
    "provider": "google",
    "issuer": "https://accounts.google.com",
    "subject": "110169484474386276334",
    "email": "zoe@example.com",
    "created_at": "2026-11-20T09:00:00Z",
    "last_used_at": "2026-11-20T09:30:00Z",
}


class IdentityReply(ReplyModel):
    """An identity at a provider; `email` is the one that it has there."""

    id: UUID
    provider: str
    issuer: str
    subject: str
    email: str | None
    created_at: datetime
    last_used_at: datetime

    @classmethod
    def of(cls, identity: Identity) -> "IdentityReply":
        """Return the reply of an identity."""
        return cls(**{name: getattr(identity, name) for name in cls.model_fields})


class IdentityList(ReplyModel):
    """All identities of the account."""

    items: list[IdentityReply]


class NewIdentity(Model):
    """The code of a sign-in that was begun with a `code_challenge`, and its verifier."""

    code: str = Field(min_length=1, max_length=6000)
    code_verifier: str = Field(pattern=r"^[A-Za-z0-9._~-]{43,128}$")


async def list_identities(call: Call[Nothing, Nothing]) -> Response:
    """GET /auth/identities."""
    found = await call.services.identities.list_for(call.principal.user_id)
    return ok(IdentityList(items=[IdentityReply.of(each) for each in found]))


async def link(call: Call[NewIdentity, Nothing]) -> Response:
    """POST /auth/identities."""
    body = call.body
    linked = await call.services.identity_exchange.link(
        body.code, body.code_verifier, by=call.principal
    )
    return ok(IdentityReply.of(linked), status=201)


async def unlink(call: Call[Nothing, Nothing]) -> Response:
    """DELETE /auth/identities/{id}."""
    await call.services.identities.unlink(call.id, by=call.principal)
    return no_content()


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/auth/identities",
        name="listIdentities",
        summary="List the identities that one's own account is linked with",
        tag=TAG,
        handler=list_identities,
        access=Access.SIGNED_IN,
        replies=(
            ResponseSpec(
                status=200,
                description="All identities of the account.",
                model=IdentityList,
                example={"items": [IDENTITY_EXAMPLE]},
            ),
        ),
    ),
    Endpoint(
        method="POST",
        path="/auth/identities",
        name="linkIdentity",
        summary="Link one's own account with an identity",
        tag=TAG,
        handler=link,
        access=Access.SIGNED_IN,
        body=NewIdentity,
        example={
            "code": "k3Vd0bR1mB0f8nqvN2hJ",
            "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        },
        replies=(
            ResponseSpec(
                status=201,
                description="The linked identity.",
                model=IdentityReply,
                example=IDENTITY_EXAMPLE,
            ),
        ),
        errors=(InvalidGrant, IdentityTaken, TooManyIdentities),
        recent_proof=True,
    ),
    Endpoint(
        method="DELETE",
        path="/auth/identities/{id}",
        name="unlinkIdentity",
        summary="Unlink an identity from one's own account",
        tag=TAG,
        handler=unlink,
        access=Access.SIGNED_IN,
        replies=(ResponseSpec(status=204, description="The identity is not linked any more."),),
        errors=(IdentityNotFound, LastSignInMethod),
        recent_proof=True,
    ),
)
