"""Sign-in by other providers: the redirects of the browser, and the exchange of the code."""

from http import HTTPStatus

from pydantic import ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from jubilee.domain.auth.pending import MfaRequired
from jubilee.domain.auth.tokens import InvalidGrant
from jubilee.domain.identities.flow import CallbackParameters
from jubilee.domain.identities.identity import (
    IdentityNotLinked,
    InvalidCallback,
    InvalidLogoutToken,
    ProviderNotFound,
    ProviderUnavailable,
    RedirectNotAllowed,
)
from jubilee.domain.identities.tickets import FLOW_LIFETIME
from jubilee.domain.rate_limits.quotas import RouteClass
from jubilee.domain.users.user import EmailNotVerified
from jubilee.entrypoints.http.auth import TOKEN_PAIR, token_reply
from jubilee.entrypoints.http.framework.endpoint import (
    FORM,
    Access,
    AnyCall,
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
SECURE_COOKIE, PLAIN_COOKIE = "__Host-jubilee-flow-", "jubilee-flow-"
MAX_LOGOUT_TOKEN_CHARS = 12_000
COOKIE_ID_CHARS = 12  # of the state: several flows of a browser do not disturb each other
MAX_CODE_CHARS = 6000  # of the code that ends a flow
PROVIDER_S = 10.0  # by which asking the provider extends the deadline of a request
CODE_EXAMPLE = "k3Vd0bR1mB0f8nqvN2hJ"
PROVIDER_EXAMPLE = {
    "name": "google",
    "title": "Google",
    "start_url": "/api/auth/oidc/google/start",
}


class ProviderReply(ReplyModel):
    """A provider of sign-in."""

    name: str
    title: str
    start_url: str = Field(description="path at which a browser begins")


class ProviderList(ReplyModel):
    """All providers."""

    items: list[ProviderReply]


class StartQuery(Model):
    """Where the browser returns to, and the secret of the client that begins."""

    redirect_to: str | None = Field(
        None, max_length=500, description="an address of OIDC_REDIRECTS; absent: the only one"
    )
    code_challenge: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]{43}$",
        description="SHA-256 of a `code_verifier` in URL-safe Base64 (RFC 7636, S256)",
    )


class CallbackQuery(Model):
    """What a provider sends; parameters of its own are ignored."""

    model_config = ConfigDict(extra="ignore")

    state: str = Field("", max_length=200)
    code: str | None = Field(None, max_length=2048)
    error: str | None = Field(None, max_length=200)
    iss: str | None = Field(None, max_length=500)

    def to_domain(self) -> CallbackParameters:
        """Return the parameters for the flow."""
        return CallbackParameters(self.state, self.code, self.error, self.iss)


class Exchange(Model):
    """The code at the end of a sign-in."""

    code: str = Field(min_length=1, max_length=MAX_CODE_CHARS)
    code_verifier: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._~-]{43,128}$",
        description="required if the sign-in was begun with a `code_challenge`",
    )


class LogoutNotification(Model):
    """Body of OpenID Connect Back-Channel Logout 1.0."""

    logout_token: str = Field(min_length=1, max_length=MAX_LOGOUT_TOKEN_CHARS)


async def list_providers(call: Call[Nothing, Nothing]) -> Response:
    """GET /auth/providers."""
    rows = [
        ProviderReply(name=name, title=each.title, start_url=f"{call.mount}/auth/oidc/{name}/start")
        for name, each in call.services.sign_in_flow.providers.items()
    ]
    return ok(ProviderList(items=rows))


async def start(call: Call[Nothing, StartQuery]) -> Response:
    """GET /auth/oidc/{provider}/start."""
    query, flows = call.query, call.services.sign_in_flow
    call.extend(PROVIDER_S)
    flow = await flows.start(call.provider, query.redirect_to, query.code_challenge)
    response = RedirectResponse(flow.url, HTTPStatus.SEE_OTHER)
    _set_cookie(call, response, flow.state, flow.ticket)
    return response


async def callback(call: Call[Nothing, CallbackQuery]) -> Response:
    """GET /auth/oidc/{provider}/callback."""
    query, cookie = call.query, call.request.cookies.get(_cookie(call, call.query.state))
    call.extend(PROVIDER_S)
    url = await call.services.sign_in_flow.finish(call.provider, query.to_domain(), cookie)
    response = RedirectResponse(url, HTTPStatus.SEE_OTHER)
    _set_cookie(call, response, query.state, None)
    return response


async def exchange(call: Call[Exchange, Nothing]) -> Response:
    """POST /auth/oidc/exchange."""
    body = call.body
    tokens = await call.services.identity_exchange.sign_in(
        body.code, body.code_verifier, call.client
    )
    return token_reply(call, tokens)


async def end_provider_sessions(call: Call[LogoutNotification, Nothing]) -> Response:
    """POST /auth/oidc/{provider}/logout."""
    call.extend(PROVIDER_S)
    await call.services.identities.end_sessions(call.provider, call.body.logout_token)
    return no_content()


def _cookie(call: AnyCall, state: str) -> str:
    is_secure = call.context.public.url.startswith("https://")
    return (SECURE_COOKIE if is_secure else PLAIN_COOKIE) + state[:COOKIE_ID_CHARS]


def _set_cookie(call: AnyCall, response: Response, state: str, ticket: str | None) -> None:
    """Bind the flow to this browser; without a ticket, delete the cookie."""
    name = _cookie(call, state)
    response.set_cookie(
        name,
        ticket or "",
        max_age=int(FLOW_LIFETIME.total_seconds()) if ticket else 0,
        secure=name.startswith(SECURE_COOKIE),
        httponly=True,
        samesite="lax",  # the provider's redirect is a navigation from another site
    )


def _redirect(description: str) -> ResponseSpec:
    return ResponseSpec(
        status=303, description=description, headers={"Location": "where the browser goes"}
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/auth/providers",
        name="listProviders",
        summary="List the providers to sign in with",
        tag=TAG,
        handler=list_providers,
        access=Access.ANYONE,
        replies=(
            ResponseSpec(
                status=200,
                description="All providers.",
                model=ProviderList,
                example={"items": [PROVIDER_EXAMPLE]},
            ),
        ),
        needs_database=False,
    ),
    Endpoint(
        method="GET",
        path="/auth/oidc/{provider}/start",
        name="startProviderSignIn",
        summary="Redirect a browser to a provider",
        tag=TAG,
        handler=start,
        access=Access.ANYONE,
        query=StartQuery,
        replies=(_redirect("To the provider, with a cookie for the way back."),),
        errors=(ProviderNotFound, RedirectNotAllowed, ProviderUnavailable),
        needs_database=False,
        rate=RouteClass.SIGN_IN,
    ),
    Endpoint(
        method="GET",
        path="/auth/oidc/{provider}/callback",
        name="finishProviderSignIn",
        summary="Receive a browser that returns from a provider",
        tag=TAG,
        handler=callback,
        access=Access.ANYONE,
        query=CallbackQuery,
        replies=(_redirect("To `redirect_to`, with `code` or `error`."),),
        errors=(ProviderNotFound, InvalidCallback, ProviderUnavailable),
        rate=RouteClass.SIGN_IN,
    ),
    Endpoint(
        method="POST",
        path="/auth/oidc/exchange",
        name="exchangeSignInCode",
        summary="Exchange the code of a sign-in for a pair of tokens",
        tag=TAG,
        handler=exchange,
        access=Access.ANYONE,
        body=Exchange,
        example={"code": CODE_EXAMPLE},
        replies=(TOKEN_PAIR,),
        errors=(InvalidGrant, IdentityNotLinked, EmailNotVerified, MfaRequired),
        oauth=True,
        rate=RouteClass.SIGN_IN,
    ),
    Endpoint(
        method="POST",
        path="/auth/oidc/{provider}/logout",
        name="endProviderSessions",
        summary="End the sessions of a person who has signed out at the provider",
        tag=TAG,
        handler=end_provider_sessions,
        access=Access.ANYONE,
        body=LogoutNotification,
        media=(FORM,),
        example={"logout_token": "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl"},
        replies=(ResponseSpec(status=204, description="The sessions have ended."),),
        errors=(ProviderNotFound, InvalidLogoutToken, ProviderUnavailable),
    ),
)
