"""All endpoints of the service, in the order of the OpenAPI document."""

from jubilee.entrypoints.http import (
    account_email,
    account_locks,
    account_merges,
    api_tokens,
    audit,
    auth,
    birthdays,
    factors,
    hello,
    identities,
    impersonation,
    invites,
    items,
    leaving,
    meta,
    own_mails,
    passkeys,
    proofs,
    provider_sign_in,
    roles,
    second_step,
    service_account_tokens,
    service_accounts,
    sessions,
    signing_keys,
    tasks,
    users,
    well_known,
)
from jubilee.entrypoints.http.docs import pages as docs
from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint
from jubilee.entrypoints.http.pages import account_email as account_email_pages
from jubilee.entrypoints.http.pages import invites as invite_pages
from jubilee.entrypoints.http.pages import leaving as leaving_pages
from jubilee.entrypoints.http.pages import opt_out
from jubilee.entrypoints.http.pages import sign_in_methods as sign_in_method_pages

FEATURES: tuple[AnyEndpoint, ...] = (
    *hello.ENDPOINTS,
    *birthdays.ENDPOINTS,
    *auth.ENDPOINTS,
    *second_step.ENDPOINTS,
    *proofs.ENDPOINTS,
    *provider_sign_in.ENDPOINTS,
    *identities.ENDPOINTS,
    *signing_keys.ENDPOINTS,
    *factors.ENDPOINTS,
    *passkeys.ENDPOINTS,
    *account_email.ENDPOINTS,
    *api_tokens.ENDPOINTS,
    *sessions.ENDPOINTS,
    *users.ENDPOINTS,
    *service_accounts.ENDPOINTS,
    *service_account_tokens.ENDPOINTS,
    *own_mails.ENDPOINTS,
    *leaving.ENDPOINTS,
    *account_locks.ENDPOINTS,
    *impersonation.ENDPOINTS,
    *account_merges.ENDPOINTS,
    *roles.ENDPOINTS,
    *invites.ENDPOINTS,
    *items.ENDPOINTS,
    *tasks.ENDPOINTS,
    *audit.ENDPOINTS,
    *meta.ENDPOINTS,
    *well_known.ENDPOINTS,
    *account_email_pages.ENDPOINTS,
    *invite_pages.ENDPOINTS,
    *leaving_pages.ENDPOINTS,
    *sign_in_method_pages.ENDPOINTS,
    *opt_out.ENDPOINTS,
)

ENDPOINTS: tuple[AnyEndpoint, ...] = (*FEATURES, *docs.endpoints(FEATURES))
