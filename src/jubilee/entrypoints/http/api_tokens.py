"""Endpoints of personal access tokens: create, list and delete one's own."""

from http import HTTPStatus

from starlette.responses import Response

from jubilee.domain.api_tokens.service import IssuedApiToken
from jubilee.domain.api_tokens.text import secret_text
from jubilee.domain.api_tokens.token import (
    PREFIX,
    AccountDisabled,
    ApiTokenId,
    ApiTokenNotFound,
    InvalidTokenExpiry,
    InvalidTokenName,
    InvalidTokenScope,
    TooManyApiTokens,
)
from jubilee.entrypoints.http.api_token_models import (
    NEW_TOKEN_EXAMPLE,
    TOKEN_EXAMPLE,
    ApiTokenPage,
    ApiTokenReply,
    NewApiTokenBody,
    NewApiTokenReply,
)
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Idempotency,
    Nothing,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.paging import PageQuery, page_of, paged, position
from jubilee.entrypoints.http.framework.responses import no_content, ok

TAG = "auth"
EXAMPLE_TEXT = secret_text(PREFIX, bytes(24))
NEW_TOKEN = ResponseSpec(
    status=HTTPStatus.CREATED,
    description="The new token. Its text is not shown again.",
    model=NewApiTokenReply,
    example={**TOKEN_EXAMPLE, "token": EXAMPLE_TEXT},
)
TOKEN_PAGE = page_of(ApiTokenPage, TOKEN_EXAMPLE)
CREATE_ERRORS = (
    InvalidTokenName,
    InvalidTokenScope,
    InvalidTokenExpiry,
    TooManyApiTokens,
    AccountDisabled,
)


async def create_token(call: Call[NewApiTokenBody, Nothing]) -> Response:
    """POST /auth/access-tokens."""
    me, new = call.principal, call.body.to_domain()
    return new_token_reply(await call.services.api_tokens.create(new, owner=me.user_id, by=me))


async def list_tokens(call: Call[Nothing, PageQuery]) -> Response:
    """GET /auth/access-tokens."""
    me = call.principal
    page = await call.services.api_tokens.list(
        owner=me.user_id, by=me, after=position(call), limit=call.query.limit
    )
    return paged(call, page, ApiTokenReply.of)


async def delete_token(call: Call[Nothing, Nothing]) -> Response:
    """DELETE /auth/access-tokens/{id}."""
    me = call.principal
    await call.services.api_tokens.delete(ApiTokenId(call.id), owner=me.user_id, by=me)
    return no_content()


def new_token_reply(issued: IssuedApiToken) -> Response:
    """Respond with a new token and its text."""
    return ok(NewApiTokenReply.issued(issued), status=HTTPStatus.CREATED)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/auth/access-tokens",
        name="listAccessTokens",
        summary="List one's own personal access tokens, newest first",
        tag=TAG,
        handler=list_tokens,
        access=Access.SIGNED_IN,
        query=PageQuery,
        replies=(TOKEN_PAGE,),
    ),
    Endpoint(
        method="POST",
        path="/auth/access-tokens",
        name="createAccessToken",
        summary="Create a personal access token",
        tag=TAG,
        handler=create_token,
        access=Access.SIGNED_IN,
        recent_proof=True,
        body=NewApiTokenBody,
        example=NEW_TOKEN_EXAMPLE,
        replies=(NEW_TOKEN,),
        errors=CREATE_ERRORS,
        idempotency=Idempotency.IN_TRANSACTION,
    ),
    Endpoint(
        method="DELETE",
        path="/auth/access-tokens/{id}",
        name="deleteAccessToken",
        summary="Delete one of one's own personal access tokens",
        tag=TAG,
        handler=delete_token,
        access=Access.SIGNED_IN,
        recent_proof=True,
        replies=(ResponseSpec(status=204, description="The token is deleted."),),
        errors=(ApiTokenNotFound,),
    ),
)
