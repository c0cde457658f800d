"""Endpoints of the tokens of service accounts, for admins."""

from uuid import UUID

from starlette.responses import Response

from jubilee.domain.api_tokens.token import ApiTokenId, ApiTokenNotFound
from jubilee.domain.identity import UserId
from jubilee.domain.service_accounts.account import ServiceAccountNotFound
from jubilee.entrypoints.http.api_token_models import (
    NEW_TOKEN_EXAMPLE,
    ApiTokenReply,
    NewApiTokenBody,
)
from jubilee.entrypoints.http.api_tokens import (
    CREATE_ERRORS,
    NEW_TOKEN,
    TOKEN_PAGE,
    new_token_reply,
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
from jubilee.entrypoints.http.framework.paging import PageQuery, paged, position
from jubilee.entrypoints.http.framework.responses import no_content
from jubilee.entrypoints.http.service_accounts import PATH, TAG

TOKENS = f"{PATH}/{{id}}/access-tokens"


async def create_token(call: Call[NewApiTokenBody, Nothing]) -> Response:
    """POST /service-accounts/{id}/access-tokens."""
    service, new = call.services.service_accounts, call.body.to_domain()
    return new_token_reply(await service.create_token(UserId(call.id), new, by=call.principal))


async def list_tokens(call: Call[Nothing, PageQuery]) -> Response:
    """GET /service-accounts/{id}/access-tokens."""
    page = await call.services.service_accounts.tokens_of(
        UserId(call.id), by=call.principal, after=position(call), limit=call.query.limit
    )
    return paged(call, page, ApiTokenReply.of)


async def delete_token(call: Call[Nothing, Nothing]) -> Response:
    """DELETE /service-accounts/{id}/access-tokens/{token_id}."""
    token_id = ApiTokenId(UUID(str(call.request.path_params["token_id"])))
    service = call.services.service_accounts
    await service.delete_token(UserId(call.id), token_id, by=call.principal)
    return no_content()


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path=TOKENS,
        name="listServiceAccountTokens",
        summary="List the tokens of a service account, newest first",
        tag=TAG,
        handler=list_tokens,
        access=Access.ADMIN,
        query=PageQuery,
        replies=(TOKEN_PAGE,),
        errors=(ServiceAccountNotFound,),
    ),
    Endpoint(
        method="POST",
        path=TOKENS,
        name="createServiceAccountToken",
        summary="Create a token of a service account",
        tag=TAG,
        handler=create_token,
        access=Access.ADMIN,
        recent_proof=True,
        body=NewApiTokenBody,
        example=NEW_TOKEN_EXAMPLE,
        replies=(NEW_TOKEN,),
        errors=(ServiceAccountNotFound, *CREATE_ERRORS),
        idempotency=Idempotency.IN_TRANSACTION,
    ),
    Endpoint(
        method="DELETE",
        path=f"{TOKENS}/{{token_id}}",
        name="deleteServiceAccountToken",
        summary="Delete a token of a service account",
        tag=TAG,
        handler=delete_token,
        access=Access.ADMIN,
        recent_proof=True,
        replies=(ResponseSpec(status=204, description="The token is deleted."),),
        errors=(ServiceAccountNotFound, ApiTokenNotFound),
    ),
)
