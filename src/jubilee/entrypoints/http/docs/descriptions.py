"""Descriptions of operations in the OpenAPI document, by operation id."""

from jubilee.domain.scopes import TOKEN_SCOPES
from jubilee.entrypoints.http.docs.account_descriptions import ACCOUNT_DESCRIPTIONS
from jubilee.entrypoints.http.docs.resource_descriptions import RESOURCE_DESCRIPTIONS
from jubilee.entrypoints.http.docs.sign_in_descriptions import SIGN_IN_DESCRIPTIONS
from jubilee.entrypoints.http.docs.token_descriptions import TOKEN_DESCRIPTIONS
from jubilee.entrypoints.http.framework.endpoint import Access, AnyEndpoint, Idempotency

ACCESS = {
    Access.ANYONE: "Requires no sign-in.",
    Access.OPTIONAL: "A sign-in is optional; an invalid token is refused with 401.",
    Access.SIGNED_IN: "Requires a signed-in account.",
    Access.ROLE: "Requires an account with a role that allows `{scope}`; an admin has all.",
    Access.ADMIN: "Requires an admin.",
}
CONDITIONAL = "With `If-Match`, a resource that has changed is left unchanged (412)."
CACHED = "With `If-None-Match`, an unchanged representation is answered with 304 and no body."
KEYED = (
    "With an `Idempotency-Key`, the request can be repeated for 24 hours: it has one effect, and "
    "each repetition gets the first answer, with `Idempotent-Replayed: true`. A refused request "
    "does not use up its key."
)
PROVED = (
    "The last proof of identity, by a sign-in or `POST /auth/reauthenticate`, must be recent (by "
    "default 15 minutes, `REAUTHENTICATION_MINUTES`); else 403 `reauthentication_required`."
)
PREFERRED = "With `Prefer: return=minimal` (RFC 7240) the response has no body."

DESCRIPTIONS = {
    **SIGN_IN_DESCRIPTIONS,
    **ACCOUNT_DESCRIPTIONS,
    **TOKEN_DESCRIPTIONS,
    **RESOURCE_DESCRIPTIONS,
}


def describe(endpoint: AnyEndpoint) -> str:
    """Return the description of the operation, its access and its preconditions."""
    access = ACCESS[endpoint.access].format(scope=endpoint.scope)
    parts = [DESCRIPTIONS.get(endpoint.name, ""), access, _scopes(endpoint)]
    if endpoint.recent_proof:
        parts.append(PROVED)
    if endpoint.conditional:
        parts.append(CONDITIONAL)
    if endpoint.honours_prefer:
        parts.append(PREFERRED)
    if endpoint.is_tagged:
        parts.append(CACHED)
    if endpoint.idempotency is not Idempotency.NONE:
        parts.append(KEYED)
    return " ".join(filter(None, parts))


def _scopes(endpoint: AnyEndpoint) -> str:
    if endpoint.access is Access.ANYONE:
        return ""
    if endpoint.scope not in TOKEN_SCOPES:
        return "Only a session may do it, no token."
    return f"A token needs {' and '.join(f'`{scope}`' for scope in sorted(endpoint.scopes))}."
