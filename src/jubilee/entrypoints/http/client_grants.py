"""The client credentials grant of `POST /auth/token` (RFC 6749, section 4.4)."""

from base64 import b64decode
from dataclasses import replace
from urllib.parse import unquote_plus

from pydantic import Field
from starlette.responses import Response

from jubilee.domain.api_tokens.token import scope_text
from jubilee.domain.service_accounts.account import InvalidClient, InvalidScope
from jubilee.entrypoints.http.fields import Password, absent
from jubilee.entrypoints.http.framework.endpoint import (
    AnyEndpoint,
    Call,
    Model,
    Nothing,
    ReplyModel,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.problems import (
    InvalidRequest,
    UnsupportedGrant,
    Violation,
)
from jubilee.entrypoints.http.framework.responses import ok

PASSWORD = "password"  # noqa: S105  # the name of a grant, not a password
CLIENT_CREDENTIALS = "client_credentials"
BEARER = "bearer"
ONE_OF_TWO = f"The grant type must be `{PASSWORD}` or `{CLIENT_CREDENTIALS}`."
TWICE = "The client is authenticated either by the body or by the header."


class TokenRequest(Model):
    """Request of the password grant, or of the client credentials grant."""

    grant_type: str | None = Field(
        None, description="`password`, `client_credentials`, or absent, which is `password`"
    )
    username: str | None = Field(
        None, min_length=1, max_length=254, description="username or e-mail address"
    )
    password: Password | None = None
    client_id: str | None = Field(None, description="id of the service account")
    client_secret: str | None = None
    scope: str | None = Field(
        None, description="scopes of the client's token, between spaces; by default all it may have"
    )


class ClientTokenReply(ReplyModel):
    """A short token of a service account; there is no refresh token."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str


class TokenGrantReply(ReplyModel):
    """An access token: of the password grant with a refresh token, else with its scopes."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str = absent()
    scope: str = absent()


def with_client_grant(password: AnyEndpoint) -> AnyEndpoint:
    """Return the endpoint of the password grant that takes the client credentials grant, too."""
    model = password.body
    assert model is not None

    async def create_token(call: Call[TokenRequest, Nothing]) -> Response:
        """POST /auth/token."""
        if call.body.grant_type == CLIENT_CREDENTIALS:
            return await _grant(call)
        if (call.body.grant_type or PASSWORD) != PASSWORD:
            raise UnsupportedGrant(ONE_OF_TWO)
        _require(call.body, "username", "password")
        form = model(**call.body.model_dump(exclude_none=True))
        return await password.handler(replace(call, body=form))

    (reply,) = password.replies
    return replace(
        password,
        summary="Get tokens by a password, or by client credentials",
        handler=create_token,
        body=TokenRequest,
        replies=(_both(reply),),
        errors=(*password.errors, InvalidClient, InvalidScope),
    )


def _both(reply: ResponseSpec) -> ResponseSpec:
    return replace(reply, description="The tokens.", model=TokenGrantReply)


async def _grant(call: Call[TokenRequest, Nothing]) -> Response:
    client_id, secret = _client(call)
    grants = call.services.client_grants
    issued = await grants.grant(client_id, secret, call.body.scope, address=call.client.ip)
    call.record.user_id = str(issued.token.user_id)
    lifetime = issued.token.expires_at - issued.token.created_at
    reply = ClientTokenReply(
        access_token=issued.text,
        token_type=BEARER,
        expires_in=int(lifetime.total_seconds()),
        scope=scope_text(issued.token.scopes),
    )
    return ok(reply, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _client(call: Call[TokenRequest, Nothing]) -> tuple[str, str]:
    """Read id and secret from the body or from the header; raises InvalidClient."""
    body, header = call.body, call.request.headers.get("authorization")
    if header is None:
        _require(body, "client_id", "client_secret")
        return body.client_id or "", body.client_secret or ""
    if body.client_secret is not None:
        raise InvalidRequest([Violation("#/client_secret", TWICE, "two_credentials")])
    return _basic(header)


def _basic(header: str) -> tuple[str, str]:
    """Decode the header of RFC 6749, section 2.3.1: both parts are form-encoded."""
    scheme, _, encoded = header.partition(" ")
    try:
        text = b64decode(encoded.strip(), validate=True).decode()
    except ValueError:
        text = ""
    client_id, colon, secret = text.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise InvalidClient
    return unquote_plus(client_id), unquote_plus(secret)


def _require(body: TokenRequest, *names: str) -> None:
    """Raise InvalidRequest unless the body has these members."""
    left_out = [name for name in names if getattr(body, name) is None]
    if left_out:
        violations = [Violation(f"#/{name}", "Field required", "missing") for name in left_out]
        raise InvalidRequest(violations)
