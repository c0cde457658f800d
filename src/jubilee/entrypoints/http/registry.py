"""All endpoints of the service, in the order of the OpenAPI document."""

from jubilee.entrypoints.http import (
    audit,
    auth,
    birthdays,
    hello,
    items,
    meta,
    proofs,
    signing_keys,
    tasks,
    users,
    well_known,
)
from jubilee.entrypoints.http.docs import pages as docs
from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint

FEATURES: tuple[AnyEndpoint, ...] = (
    *hello.ENDPOINTS,
    *birthdays.ENDPOINTS,
    *auth.ENDPOINTS,
    *proofs.ENDPOINTS,
    *signing_keys.ENDPOINTS,
    *users.ENDPOINTS,
    *items.ENDPOINTS,
    *tasks.ENDPOINTS,
    *audit.ENDPOINTS,
    *meta.ENDPOINTS,
    *well_known.ENDPOINTS,
)

ENDPOINTS: tuple[AnyEndpoint, ...] = (*FEATURES, *docs.endpoints(FEATURES))
