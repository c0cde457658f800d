"""Endpoints for signing in, refreshing tokens and signing out."""

from typing import Any

from pydantic import Field
from starlette.responses import Response

from jubilee.domain.attempts.attempt import TooManyAttempts
from jubilee.domain.auth.opening import Tokens
from jubilee.domain.auth.pending import MfaRequired
from jubilee.domain.auth.tokens import InvalidGrant
from jubilee.domain.passwords import HasherBusy
from jubilee.domain.rate_limits.quotas import RouteClass
from jubilee.domain.scopes import Scope
from jubilee.domain.users.user import EmailNotVerified
from jubilee.entrypoints.http.client_grants import with_client_grant
from jubilee.entrypoints.http.fields import Password
from jubilee.entrypoints.http.framework.endpoint import (
    FORM,
    JSON,
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Model,
    Nothing,
    ReplyModel,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.problems import UnsupportedGrant
from jubilee.entrypoints.http.framework.responses import no_content, ok

TAG = "auth"
BEARER = "bearer"
TOKEN_EXAMPLE = {
    "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl",
    "token_type": "bearer",
    "expires_in": 1800,
    "refresh_token": "AZ3P0c7vcbGf0u1pTg",
}


class OAuthExtras(Model):
    """Members that OAuth2 clients send and this service ignores."""

    scope: str | None = None
    client_id: str | None = None
    client_secret: str | None = None


class SignIn(OAuthExtras):
    """Request of the OAuth2 password grant."""

    username: str = Field(min_length=1, max_length=254, description="username or e-mail address")
    password: Password
    grant_type: str | None = Field(None, description="`password`, or absent")


class Refresh(OAuthExtras):
    """Request of the OAuth2 refresh token grant."""

    refresh_token: str = Field(min_length=1, max_length=1024)
    grant_type: str | None = Field(None, description="`refresh_token`, or absent")


class TokenReply(ReplyModel):
    """A pair of tokens; `expires_in` is the lifetime of the access token in seconds."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str


async def sign_in(call: Call[SignIn, Nothing]) -> Response:
    """POST /auth/token and /auth/login."""
    if (call.body.grant_type or "password") != "password":
        raise UnsupportedGrant("The grant type must be `password`.")
    body = call.body
    tokens = await call.services.auth.sign_in(body.username, body.password, call.client)
    return token_reply(call, tokens)


async def refresh(call: Call[Refresh, Nothing]) -> Response:
    """POST /auth/refresh."""
    if (call.body.grant_type or "refresh_token") != "refresh_token":
        raise UnsupportedGrant("The grant type must be `refresh_token`.")
    return token_reply(call, await call.services.auth.refresh(call.body.refresh_token))


async def sign_out(call: Call[Nothing, Nothing]) -> Response:
    """POST /auth/logout."""
    await call.services.auth.sign_out(call.principal)
    return no_content()


def token_reply(call: Call[Any, Nothing], tokens: Tokens) -> Response:
    """Respond with the tokens of a session, which no cache may store."""
    call.record.user_id = str(tokens.user_id)
    reply = TokenReply(
        access_token=tokens.access,
        token_type=BEARER,
        expires_in=tokens.lifetime,
        refresh_token=tokens.refresh,
    )
    return ok(reply, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


TOKEN_PAIR = ResponseSpec(
    status=200, description="A pair of tokens.", model=TokenReply, example=TOKEN_EXAMPLE
)
SIGN_IN_EXAMPLE = {"username": "zoe@example.com", "password": "correct horse battery"}


def _sign_in(path: str, name: str, media: tuple[str, str]) -> AnyEndpoint:
    return Endpoint(
        method="POST",
        path=path,
        name=name,
        summary="Sign in with username or e-mail address",
        tag=TAG,
        handler=sign_in,
        access=Access.ANYONE,
        body=SignIn,
        media=media,
        example=SIGN_IN_EXAMPLE,
        replies=(TOKEN_PAIR,),
        errors=(
            InvalidGrant,
            UnsupportedGrant,
            HasherBusy,
            EmailNotVerified,
            MfaRequired,
            TooManyAttempts,
        ),
        oauth=True,
        rate=RouteClass.SIGN_IN,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    with_client_grant(_sign_in("/auth/token", "createToken", (FORM, JSON))),
    _sign_in("/auth/login", "signIn", (JSON, FORM)),
    Endpoint(
        method="POST",
        path="/auth/refresh",
        name="refreshToken",
        summary="Exchange a refresh token for a new pair of tokens",
        tag=TAG,
        handler=refresh,
        access=Access.ANYONE,
        body=Refresh,
        media=(JSON, FORM),
        example={"refresh_token": "AZ3P0c7vcbGf0u1pTg"},
        replies=(TOKEN_PAIR,),
        errors=(InvalidGrant, UnsupportedGrant),
        oauth=True,
    ),
    Endpoint(
        method="POST",
        path="/auth/logout",
        name="signOut",
        summary="Sign out",
        tag=TAG,
        handler=sign_out,
        access=Access.SIGNED_IN,
        scope=Scope.ACCOUNT,
        for_enrolment=True,
        body=Nothing,
        body_required=False,
        example={},
        replies=(ResponseSpec(status=204, description="Signed out."),),
    ),
)
