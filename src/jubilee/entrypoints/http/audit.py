"""Endpoints of the audit log: all of it for admins, and what concerns oneself."""

from starlette.responses import Response

from jubilee.domain.scopes import Scope
from jubilee.entrypoints.http.audit_models import (
    ENTRY_EXAMPLE,
    OWN_ENTRY_EXAMPLE,
    AuditPage,
    AuditQuery,
    AuditReply,
    OwnAuditPage,
    OwnAuditQuery,
    OwnAuditReply,
)
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Nothing,
)
from jubilee.entrypoints.http.framework.paging import page_of, paged, position

TAG = "audit"


async def list_entries(call: Call[Nothing, AuditQuery]) -> Response:
    """GET /audit."""
    query = call.query
    page = await call.services.audit.list(
        query.to_domain(), by=call.principal, after=position(call), limit=query.limit
    )
    return paged(call, page, AuditReply.of)


async def list_own_entries(call: Call[Nothing, OwnAuditQuery]) -> Response:
    """GET /users/me/audit."""
    query = call.query
    page = await call.services.audit.own(
        query.to_domain(), by=call.principal, after=position(call), limit=query.limit
    )
    return paged(call, page, OwnAuditReply.of)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/audit",
        name="listAuditEntries",
        summary="List the audit log, newest first",
        tag=TAG,
        access=Access.ROLE,
        scope=Scope.AUDIT_READ,
        handler=list_entries,
        query=AuditQuery,
        replies=(page_of(AuditPage, ENTRY_EXAMPLE),),
    ),
    Endpoint(
        method="GET",
        path="/users/me/audit",
        name="listMyAuditEntries",
        summary="List what the audit log has about one's own account, newest first",
        tag=TAG,
        access=Access.SIGNED_IN,
        scope=Scope.PROFILE_READ,
        handler=list_own_entries,
        query=OwnAuditQuery,
        replies=(page_of(OwnAuditPage, OWN_ENTRY_EXAMPLE),),
    ),
)
