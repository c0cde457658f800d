"""Endpoints of service accounts, for admins."""

from http import HTTPStatus

from starlette.responses import Response

from jubilee.domain.api_tokens.text import secret_text
from jubilee.domain.identity import UserId
from jubilee.domain.service_accounts.account import (
    SECRET_PREFIX,
    InvalidServiceAccountName,
    InvalidServiceAccountScope,
    ServiceAccountNotFound,
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
from jubilee.entrypoints.http.framework.responses import current_or_known, no_content, ok
from jubilee.entrypoints.http.service_account_models import (
    ACCOUNT_EXAMPLE,
    NEW_ACCOUNT_EXAMPLE,
    ClientSecretReply,
    NewServiceAccountBody,
    ServiceAccountPage,
    ServiceAccountReply,
)

TAG = "service accounts"
PATH = "/service-accounts"
EXAMPLE_SECRET = secret_text(SECRET_PREFIX, bytes(24))
WITH_SECRET = {**ACCOUNT_EXAMPLE, "client_secret": EXAMPLE_SECRET}


async def create_account(call: Call[NewServiceAccountBody, Nothing]) -> Response:
    """POST /service-accounts."""
    body, service = call.body, call.services.service_accounts
    issued = await service.create(body.name, frozenset(body.scopes), by=call.principal)
    location = {"Location": f"{call.mount}{PATH}/{issued.account.id}"}
    reply = ClientSecretReply.issued(issued)
    return ok(reply, headers=location, status=HTTPStatus.CREATED)


async def list_accounts(call: Call[Nothing, PageQuery]) -> Response:
    """GET /service-accounts."""
    page = await call.services.service_accounts.list(
        by=call.principal, after=position(call), limit=call.query.limit
    )
    return paged(call, page, ServiceAccountReply.of)


async def get_account(call: Call[Nothing, Nothing]) -> Response:
    """GET /service-accounts/{id}."""
    found = await call.services.service_accounts.get(UserId(call.id), by=call.principal)
    return ok(ServiceAccountReply.of(found))


async def replace_secret(call: Call[Nothing, Nothing]) -> Response:
    """POST /service-accounts/{id}/secret."""
    service = call.services.service_accounts
    issued = await service.replace_secret(UserId(call.id), by=call.principal)
    return ok(ClientSecretReply.issued(issued))


async def delete_account(call: Call[Nothing, Nothing]) -> Response:
    """DELETE /service-accounts/{id}."""
    await call.services.service_accounts.delete(UserId(call.id), by=call.principal)
    return no_content()


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path=PATH,
        name="listServiceAccounts",
        summary="List service accounts, newest first",
        tag=TAG,
        handler=list_accounts,
        access=Access.ADMIN,
        query=PageQuery,
        replies=(page_of(ServiceAccountPage, ACCOUNT_EXAMPLE),),
    ),
    Endpoint(
        method="POST",
        path=PATH,
        name="createServiceAccount",
        summary="Create a service account",
        tag=TAG,
        handler=create_account,
        access=Access.ADMIN,
        recent_proof=True,
        body=NewServiceAccountBody,
        example=NEW_ACCOUNT_EXAMPLE,
        replies=(
            ResponseSpec(
                status=HTTPStatus.CREATED,
                description="The new service account. Its secret is not shown again.",
                model=ClientSecretReply,
                headers={"Location": "path of the service account"},
                example=WITH_SECRET,
            ),
        ),
        errors=(InvalidServiceAccountName, InvalidServiceAccountScope),
        idempotency=Idempotency.IN_TRANSACTION,
    ),
    Endpoint(
        method="GET",
        path=f"{PATH}/{{id}}",
        name="getServiceAccount",
        summary="Get a service account",
        tag=TAG,
        handler=get_account,
        access=Access.ADMIN,
        replies=current_or_known(
            ResponseSpec(
                status=200,
                description="The service account.",
                model=ServiceAccountReply,
                headers={"ETag": "version of the service account, for `If-None-Match`"},
                example=ACCOUNT_EXAMPLE,
            )
        ),
        errors=(ServiceAccountNotFound,),
    ),
    Endpoint(
        method="DELETE",
        path=f"{PATH}/{{id}}",
        name="deleteServiceAccount",
        summary="Delete a service account",
        tag=TAG,
        handler=delete_account,
        access=Access.ADMIN,
        recent_proof=True,
        replies=(
            ResponseSpec(status=204, description="The account and all its data are deleted."),
        ),
        errors=(ServiceAccountNotFound,),
    ),
    Endpoint(
        method="POST",
        path=f"{PATH}/{{id}}/secret",
        name="replaceClientSecret",
        summary="Replace the client secret of a service account",
        tag=TAG,
        handler=replace_secret,
        access=Access.ADMIN,
        recent_proof=True,
        replies=(
            ResponseSpec(
                status=200,
                description="The service account with its new secret, which is not shown again.",
                model=ClientSecretReply,
                example=WITH_SECRET,
            ),
        ),
        errors=(ServiceAccountNotFound,),
    ),
)
