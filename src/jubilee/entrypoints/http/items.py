"""Endpoints for items: readable by every account, writable by their owner and by admins."""

from dataclasses import replace

from starlette.responses import Response

from jubilee.domain.errors import NotAllowed
from jubilee.domain.items import (
    DescriptionTooLong,
    InvalidDescription,
    InvalidTitle,
    ItemChanged,
    ItemNotFound,
)
from jubilee.domain.scopes import Scope
from jubilee.entrypoints.http.framework.conditions import (
    MalformedCondition,
    etag,
    precondition,
)
from jubilee.entrypoints.http.framework.endpoint import (
    JSON,
    MERGE_PATCH,
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Idempotency,
    Nothing,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.paging import page_of, paged, position
from jubilee.entrypoints.http.framework.responses import created, current_or_known, no_content, ok
from jubilee.entrypoints.http.item_models import (
    ITEM_EXAMPLE,
    ITEM_FIELDS_EXAMPLE,
    ItemPage,
    ItemPatch,
    ItemQuery,
    ItemReply,
    WholeItem,
    item_row,
)

TAG = "items"
CACHING = "private, no-cache"


async def list_items(call: Call[Nothing, ItemQuery]) -> Response:
    """GET /items."""
    query = call.query
    page = await call.services.items.list(
        query.to_domain(), after=position(call), limit=query.limit
    )
    return paged(call, page, item_row)


async def create_item(call: Call[WholeItem, Nothing]) -> Response:
    """POST /items."""
    body = call.body
    item = await call.services.items.create(body.title, body.description, by=call.principal)
    return created(ItemReply.of(item), f"{call.mount}/items/{item.id}", etag=etag(item.version))


async def get_item(call: Call[Nothing, Nothing]) -> Response:
    """GET /items/{id}."""
    item = await call.services.items.get(call.id)
    headers = {"ETag": etag(item.version), "Cache-Control": CACHING}
    return ok(ItemReply.of(item), headers=headers)


async def change_item(call: Call[WholeItem | ItemPatch, Nothing]) -> Response:
    """PUT and PATCH /items/{id}."""
    fields, expects = call.body.to_domain(), precondition(call.request.headers, str)
    item = await call.services.items.change(call.id, fields, by=call.principal, expects=expects)
    call.contains_data_of(item.owner_id)
    return ok(ItemReply.of(item), headers={"ETag": etag(item.version)})


async def delete_item(call: Call[Nothing, Nothing]) -> Response:
    """DELETE /items/{id}."""
    expects = precondition(call.request.headers, str)
    await call.services.items.delete(call.id, by=call.principal, expects=expects)
    return no_content()


TAGGED = {"ETag": "version of the item, for `If-Match` and `If-None-Match`"}
ONE = ResponseSpec(
    status=200, description="The item.", model=ItemReply, headers=TAGGED, example=ITEM_EXAMPLE
)
FIELD_ERRORS = (InvalidTitle, InvalidDescription, DescriptionTooLong)
WRITE_ERRORS = (ItemNotFound, NotAllowed, ItemChanged, MalformedCondition)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/items",
        name="listItems",
        summary="List items of all accounts, or of one owner",
        tag=TAG,
        access=Access.SIGNED_IN,
        scope=Scope.ITEMS_READ,
        handler=list_items,
        query=ItemQuery,
        replies=(page_of(ItemPage, ITEM_EXAMPLE),),
    ),
    Endpoint(
        method="POST",
        path="/items",
        name="createItem",
        summary="Create an item",
        tag=TAG,
        access=Access.SIGNED_IN,
        scope=Scope.ITEMS_WRITE,
        handler=create_item,
        body=WholeItem,
        example=ITEM_FIELDS_EXAMPLE,
        replies=(
            ResponseSpec(
                status=201,
                description="The new item.",
                model=ItemReply,
                headers={"Location": "path of the item", **TAGGED},
                example=ITEM_EXAMPLE,
            ),
        ),
        errors=FIELD_ERRORS,
        idempotency=Idempotency.IN_TRANSACTION,
    ),
    Endpoint(
        method="GET",
        path="/items/{id}",
        name="getItem",
        summary="Get an item",
        tag=TAG,
        access=Access.SIGNED_IN,
        scope=Scope.ITEMS_READ,
        handler=get_item,
        replies=current_or_known(replace(ONE, headers={**TAGGED, "Cache-Control": f"`{CACHING}`"})),
        errors=(ItemNotFound, MalformedCondition),
    ),
    Endpoint(
        method="PUT",
        path="/items/{id}",
        name="replaceItem",
        summary="Replace an item's title and description",
        tag=TAG,
        access=Access.SIGNED_IN,
        scope=Scope.ITEMS_WRITE,
        handler=change_item,
        body=WholeItem,
        example=ITEM_FIELDS_EXAMPLE,
        replies=(ONE,),
        errors=(*WRITE_ERRORS, *FIELD_ERRORS),
        conditional=True,
    ),
    Endpoint(
        method="PATCH",
        path="/items/{id}",
        name="changeItem",
        summary="Change an item's title or description",
        tag=TAG,
        access=Access.SIGNED_IN,
        scope=Scope.ITEMS_WRITE,
        handler=change_item,
        body=ItemPatch,
        media=(JSON, MERGE_PATCH),
        example={"description": None},
        replies=(ONE,),
        errors=(*WRITE_ERRORS, *FIELD_ERRORS),
        conditional=True,
        idempotency=Idempotency.IN_TRANSACTION,
    ),
    Endpoint(
        method="DELETE",
        path="/items/{id}",
        name="deleteItem",
        summary="Delete an item",
        tag=TAG,
        access=Access.SIGNED_IN,
        scope=Scope.ITEMS_WRITE,
        handler=delete_item,
        replies=(ResponseSpec(status=204, description="The item is deleted."),),
        errors=WRITE_ERRORS,
        conditional=True,
    ),
)
