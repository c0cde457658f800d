"""Descriptions of operations in the OpenAPI document, by operation id."""

from jubilee.domain.scopes import TOKEN_SCOPES
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
PAGED = "Returns at most `limit` rows; `next_cursor` and the `Link` header lead to the next page."
PATCHED = (
    "The body is a JSON merge patch (RFC 7396): absent members are kept, `null` removes a value."
)
SIGN_IN = (
    "Returns an access token and a refresh token for a username or an e-mail address and its "
    "password. With a second factor the answer is 403 `mfa_required`, with an `mfa_token` for "
    "`POST /auth/mfa`. Wrong credentials and disabled accounts are refused with `invalid_grant`. "
    "Ten wrong passwords of an account, or sixty from an address, lock it for a quarter of an hour "
    "(429). An address from which the account has signed in before is not affected by others."
)
REGISTER = (
    "Creates an account and sends its first mail, in the language `locale`, or else that of "
    "`Accept-Language`. An address or username that is in use is a conflict (409). Where the "
    "service hides which addresses have accounts, the answer is 202 for every address, and only "
    "the mail to it tells more. A password that is too short, too long, too common or known to be "
    "leaked is refused (422)."
)
WHO_AM_I = "Returns the account that the access token belongs to."
OWN_CREDENTIALS = (
    "`current_password` is required to change one's own e-mail address or password; a new password "
    "ends all other sessions."
)
METADATA = (
    "Libraries that verify access tokens find `jwks_uri` here; `issuer` is the `iss` of the "
    "tokens. 404 if `PUBLIC_URL` is not set."
)
GRACE = (
    "With `ACCOUNT_DELETION_GRACE_DAYS`, one's own account is deleted later (202): until then it "
    "cannot be used, and `POST /users/me/restore` undoes the deletion."
)
READY = (
    "Returns 200 if PostgreSQL can be reached with a current schema, and 503 with the failed "
    "`checks` if not, or while the instance shuts down. For load balancers."
)

MAIL_LINK = (
    "Takes the `token` of the mailed link, or `email` and the `code` beside the link. Both can be "
    "used once, within their time, and a newer mail voids an older one. Wrong codes are limited as "
    "wrong passwords are (429)."
)
MAIL_REQUEST = (
    "The answer is the same for every address, in the same time: an account gets a mail, at most "
    "five in an hour, and another address gets none."
)

DESCRIPTIONS = {
    "verifyEmail": f"Notes that the account reads mail to its address. {MAIL_LINK}",
    "resendVerification": f"Mails a link that verifies the address. {MAIL_REQUEST}",
    "forgotPassword": f"Mails a link that sets a new password. {MAIL_REQUEST}",
    "resetPassword": (
        "Sets a new password, ends all sessions and all other links of the account, and tells it "
        f"by mail. A refused password does not use up the link. {MAIL_LINK}"
    ),
    "changeEmail": (
        "Mails a link to the new address; until that is confirmed, the present one stays. Requires "
        "the current password. The answer is the same for an address that has an account: its "
        "owner is told by mail."
    ),
    "confirmEmail": (
        "Gives the account its new address, and mails the former one a link that undoes this for "
        f"72 hours. {MAIL_LINK}"
    ),
    "undoEmail": (
        "Gives the account its former address, and ends all sessions and all other links. "
        f"{MAIL_LINK}"
    ),
    "listMyMails": (
        "Lists the service's mails to the caller, with their status, while their jobs are kept. "
        f"{PAGED}"
    ),
    "saveBirthday": (
        "Stores the date of birth of this name, replacing an earlier one. The name consists of "
        "letters. A name that belongs to another account is refused with 403."
    ),
    "greet": (
        "Returns a congratulation on the birthday, and otherwise the number of days until it, in "
        "the stored time zone. A name without a birthday is 404."
    ),
    "forgetBirthday": (
        "Deletes the birthday that is stored under one's own username; an admin may delete any. "
        "A name without a birthday is 404."
    ),
    "listBirthdaysToday": f"Lists the birthdays of today, by the time zone of each person. {PAGED}",
    "listUpcomingBirthdays": (
        f"Lists the birthdays of the `days` days after today, nearest first. {PAGED}"
    ),
    "createToken": (
        f"OAuth 2.0 password grant (RFC 6749, section 4.3). {SIGN_IN} Errors also have `error` and "
        "`error_description`. With `grant_type=client_credentials` (section 4.4) it returns a "
        "short token of a service account, without a refresh token; client id and client secret "
        "are in the body, or in the header as HTTP Basic. Wrong secrets are limited as passwords "
        "are."
    ),
    "signIn": f"The same as `POST /auth/token`, with a JSON body. {SIGN_IN}",
    "refreshToken": (
        "Exchanges a refresh token for a new pair of tokens. A refresh token works once: if it is "
        "used again, the session ends, because the token may have been stolen."
    ),
    "signOut": "Ends the session of the access token; both of its tokens stop working at once.",
    "listSessions": (
        "Lists the sessions of the account, newest first, without their tokens. A session ends "
        "when it is not used for `REFRESH_TOKEN_EXPIRE_DAYS`, and `SESSION_MAX_DAYS` after its "
        "sign-in."
    ),
    "endSessions": (
        "Ends all sessions of the account, with `keep_current` all but that of the request; their "
        "tokens stop working at once."
    ),
    "endSession": (
        "Ends one session of the account; its tokens stop working at once. The session of another "
        "account is 404."
    ),
    "completeSignIn": (
        "Ends a sign-in that was answered with 403 `mfa_required`: takes its `mfa_token`, which is "
        "valid for five minutes and five tries, and a code of an authenticator app or a recovery "
        "code. Each code works once; five wrong ones of an account lock its second factor for a "
        "quarter of an hour (429)."
    ),
    "reauthenticate": (
        "Proves who the caller is by the account's password or a code of an authenticator app, so "
        "that this session may do what needs a recent proof. A wrong one is refused with 403; "
        "wrong ones are counted and limited (429)."
    ),
    "listFactors": "Lists the authenticator apps, and counts the recovery codes that are left.",
    "addTotp": (
        "Makes the secret of an authenticator app (TOTP, RFC 6238), which is shown this once. It "
        "does not count before `POST /auth/factors/totp/{id}/confirm`, and replaces one that was "
        "not confirmed. An account has five at most (409)."
    ),
    "confirmTotp": (
        "Confirms an authenticator app by a code. From then on sign-ins by the password need a "
        "second factor. The first app also returns ten recovery codes, which are shown this once "
        "and work once each."
    ),
    "renewRecoveryCodes": "Makes ten recovery codes; the earlier ones no longer work.",
    "removeFactor": (
        "Removes an authenticator app; with the last one, the recovery codes. An account that must "
        "have a second factor (`MFA_REQUIRED`) keeps one (409)."
    ),
    "resetFactors": (
        "Removes the authenticator apps, recovery codes and passkeys of an account whose user has "
        "lost them. The user is told by mail, and signs in by the password alone."
    ),
    "listProviders": "Lists the providers by which accounts are signed in to, in their order.",
    "startProviderSignIn": (
        "Sends a browser to the provider (authorization code, PKCE, state and nonce), with a "
        "cookie by which only the same browser can come back. It ends at `redirect_to`, which must "
        "be one of `OIDC_REDIRECTS`, with a `code` for `POST /auth/oidc/exchange`. A client that "
        "sends a `code_challenge` is the only one that can use the code."
    ),
    "finishProviderSignIn": (
        "Takes the answer of a provider from the browser, once, and redirects to `redirect_to` "
        "with a `code` of five minutes, or an `error` such as `access_denied`. Parameters of the "
        "provider beside these are ignored."
    ),
    "exchangeSignInCode": (
        "Returns an access token and a refresh token of the account that is linked with the "
        "identity. A new account is created if the provider has verified an e-mail address that no "
        "account has; otherwise the identity has to be linked (409), and the code stays usable."
    ),
    "endProviderSessions": (
        "OpenID Connect Back-Channel Logout 1.0: ends all sessions of the account that is linked "
        "with the subject of the logout token, which works once."
    ),
    "listIdentities": "Lists the identities at other providers, the oldest first.",
    "linkIdentity": (
        "Links the identity of a sign-in that this client has begun with a `code_challenge`. The "
        "account can then be signed in to by it. An identity of another account is refused (409)."
    ),
    "unlinkIdentity": (
        "Unlinks an identity. The last one of an account without a password stays (409)."
    ),
    "getSigningKeys": (
        "Returns the public keys (RFC 7517) that verify access tokens: the one that signs, the "
        "next one, and those whose tokens have not expired yet. Other services verify tokens with "
        "them; a token may have been revoked, which only this service knows. Empty with "
        "`TOKEN_ALGORITHM=HS256`."
    ),
    "getIssuerMetadata": f"Returns the metadata of RFC 8414. {METADATA}",
    "getOpenIdConfiguration": (
        f"The same as `GET /.well-known/oauth-authorization-server`. {METADATA} This service "
        "issues no ID tokens."
    ),
    "listAccessTokens": (
        "Lists the personal access tokens of the account, without their texts; an expired one is "
        f"listed for a month. {PAGED}"
    ),
    "createAccessToken": (
        "Creates a token for a program, which acts for the account within its scopes. The response "
        "contains its text, which is not shown again. Without `expires_at` it expires after a "
        "period that the service chooses. A new password of the account ends all of its tokens."
    ),
    "deleteAccessToken": "Deletes a token of the account; it stops working at once.",
    "passkeyOptions": (
        "Returns what `navigator.credentials.create()` needs. The browser's answer goes to "
        "`POST /auth/passkeys` within five minutes, once."
    ),
    "addPasskey": (
        "Stores a passkey that a browser has made on a page of `PASSKEY_ORIGINS`. It must be "
        "discoverable and verify its user, and is both factors. An account has twenty at most "
        "(409)."
    ),
    "listPasskeys": "Lists the passkeys of the account, oldest first, without their keys.",
    "renamePasskey": f"Renames a passkey of the account. {PATCHED}",
    "removePasskey": (
        "Removes a passkey of the account. An account that must have a second factor "
        "(`MFA_REQUIRED`) keeps one (409)."
    ),
    "passkeySignInOptions": (
        "Returns what `navigator.credentials.get()` needs. With `username` the answer must come "
        "from a passkey of that account; the options are alike for known and unknown ones."
    ),
    "passkeySignIn": (
        "Takes the answer of a passkey to `POST /auth/passkeys/sign-in/options`, once and within "
        "five minutes, and returns an access token and a refresh token. No second factor is asked "
        "for. A passkey whose counter went back, as that of a copy does, is refused."
    ),
    "register": REGISTER,
    "createUser": f"The same as `POST /auth/register`. {REGISTER}",
    "whoAmI": f"The same as `GET /users/me`. {WHO_AM_I}",
    "getMe": WHO_AM_I,
    "replaceMe": (
        f"Replaces one's own profile; an absent member takes its default. {OWN_CREDENTIALS}"
    ),
    "changeMe": f"Changes one's own profile. {PATCHED} {OWN_CREDENTIALS}",
    "deleteMe": (
        "Deletes one's own account with its sessions, birthday, tasks and items. The last admin "
        f"cannot be deleted (409). {GRACE}"
    ),
    "exportMe": (
        "Queues a task that writes everything that the service has of the account into a zip file: "
        "JSON, and items as CSV. An account has one export at a time: while one is under way, its "
        "task is returned. When it is ready, the account is mailed a link that works once."
    ),
    "getMyExport": (
        "Returns the latest archive, for seven days after it was requested; before it is ready, "
        "and after that, 404."
    ),
    "restoreMe": (
        "Makes an account usable again whose deletion is waiting for its day. It takes the "
        "credentials, as all sessions have ended. A wrong password and an account that is not to "
        "be deleted are refused alike, with `invalid_grant`; attempts are limited as at sign-in."
    ),
    "listUsers": f"Lists the accounts, newest first; `q` searches names and addresses. {PAGED}",
    "getUser": (
        "Returns one's own account; an admin or support may read any, with a token that has "
        "`users:read` or `admin`. To others, another account is 403."
    ),
    "replaceUser": (
        "Replaces the profile, `is_active` and `is_superuser` of an account; an absent member "
        "takes its default. The last admin cannot be demoted or disabled (409)."
    ),
    "changeUser": (
        f"Changes the profile, `is_active` or `is_superuser` of an account. {PATCHED} The last "
        "admin cannot be demoted or disabled (409)."
    ),
    "deleteUser": (
        "Deletes an account with its sessions, birthday, tasks and items: one's own, or any as an "
        f"admin. The last admin cannot be deleted (409). {GRACE}"
    ),
    "lockUser": (
        "Refuses every sign-in of an account and ends its sessions, until `until` or until it is "
        "unlocked. Unlike `is_active`, which only admins change, support may do so, for accounts "
        "that have no scope which it lacks. A second lock replaces the first. The last admin "
        "cannot be locked (409)."
    ),
    "unlockUser": (
        "Ends the lock that was put on an account, and that after too many wrong passwords, before "
        "they end by themselves. An account that is not locked stays as it is."
    ),
    "impersonateUser": (
        "Returns an access token by which the caller acts as an account that may do less than the "
        "caller, for 15 minutes. It has the claim `act`, and no refresh token; every answer to it "
        "has the header `Impersonated-By`. It changes neither password, e-mail address, factors, "
        "tokens, roles nor sessions, and deletes no account. It ends with the session and the "
        "rights of the caller. The audit log has the reason, and every entry written meanwhile "
        "names both accounts."
    ),
    "mergeUsers": (
        "Moves the items and tasks of the account `source_id` to this one, and deletes that "
        "account. This one keeps what it has: names, password, sessions, roles, birthday; it takes "
        "over a birthday that it lacks. Of two tasks with the same `task_id`, the moved one gets "
        "its own id instead. Nothing else of the other account remains, and a repetition is 404."
    ),
    "listRoles": "Lists the roles with their scopes, by name. All are on one page.",
    "getUserRoles": "Returns the roles of an account, and the scopes that they give it together.",
    "replaceUserRoles": (
        "Grants an account exactly these roles; every account has `user`. `admin` is the same as "
        "`is_superuser`. A role may be granted or taken away only by an account that has all of "
        "its scopes. The last admin cannot be demoted (409)."
    ),
    "listServiceAccounts": f"Lists the accounts of machines, newest first. {PAGED}",
    "createServiceAccount": (
        "Creates the account of a machine, which the admin owns. Its `id` is its client id; the "
        "response contains its client secret, which is not shown again. It cannot sign in with a "
        "password: it gets short tokens by the client credentials grant of `POST /auth/token`, or "
        "has tokens that an admin creates."
    ),
    "getServiceAccount": "Returns a service account, without its secret.",
    "deleteServiceAccount": "Deletes a service account with its tokens, tasks and items.",
    "replaceClientSecret": (
        "Gives the service account a new client secret. The old one and all of its tokens stop "
        "working at once."
    ),
    "listServiceAccountTokens": (
        f"Lists the tokens of a service account that an admin has created. {PAGED}"
    ),
    "createServiceAccountToken": (
        "Creates a token of a service account, within its scopes. The response contains its text, "
        "which is not shown again."
    ),
    "deleteServiceAccountToken": (
        "Deletes a token of a service account; it stops working at once."
    ),
    "createInvite": (
        "Mails a link by which an address can register with a role, whose scopes the caller must "
        "have. A new invite to the same address replaces the earlier one. The answer is the same "
        "for an address that has an account; the caller's audit log says so."
    ),
    "listInvites": f"Lists the pending invites of all accounts, newest first. {PAGED}",
    "revokeInvite": "Takes a pending invite back: its link no longer works.",
    "acceptInvite": (
        "Creates the account of an invite, with its role and a verified address. The link works "
        "once, and while the account that invited may grant the role. If the address has got an "
        "account since, that is a conflict (409) and the invite ends."
    ),
    "listItems": (
        "Lists the items of all accounts, or of one `owner`; `q` searches titles and "
        f"descriptions. {PAGED}"
    ),
    "createItem": "Creates an item that belongs to the account. Its version is in the `ETag`.",
    "getItem": "Returns an item of any account.",
    "replaceItem": "Replaces title and description of one's own item; an admin may change any.",
    "changeItem": (
        f"Changes title or description of one's own item; an admin may change any. {PATCHED}"
    ),
    "deleteItem": "Deletes one's own item; an admin may delete any. A second deletion is 404.",
    "createTask": (
        "Stores a task and returns it at once; a worker runs it at least once, now or at `run_at`. "
        "The same `task_id` with the same kind and data returns the existing task, so that a "
        "request can be repeated; with other data it is a conflict (409). `kind` determines the "
        "schema of `data`. A kind that the account may not use is 403."
    ),
    "listTasks": f"Lists one's own tasks, newest first; an admin lists those of all. {PAGED}",
    "getTask": (
        "Returns a task by its `id` or by one's own `task_id`. With `wait`, the response is "
        "delayed until the task has ended, by that many seconds at most."
    ),
    "cancelTask": (
        "Cancels a queued task, asks a running one to stop (202), or deletes one that has ended. A "
        "task of another account is 404."
    ),
    "retryTask": "Queues a dead task again with all its attempts. A task that is not dead is 409.",
    "listAuditEntries": (
        "Lists who did what to whom, when and from where: sign-ins, changes of accounts and their "
        f"sessions, and what admins read and wrote. Reading it is recorded as well. {PAGED}"
    ),
    "listMyAuditEntries": (
        "Lists the sign-ins and changes of one's own account, and what admins read and wrote of "
        f"it, without their addresses. {PAGED}"
    ),
    "home": "Returns the name and version of the service, and links to its documentation.",
    "metrics": (
        "Returns the metrics in the text format of Prometheus. 404 if `METRICS_PORT` serves them "
        "on a separate port."
    ),
    "health": f"The same as `GET /health/ready`. {READY}",
    "healthLive": (
        "Returns 200 as long as the process answers requests; it checks no dependency. For the "
        "supervisor that restarts the process."
    ),
    "healthReady": READY,
    "healthDatabase": (
        "Returns 200 if PostgreSQL can be reached and its schema is not older than the service "
        "needs, and 503 if not."
    ),
    "getOpenApi": "Returns this document.",
}


def describe(endpoint: AnyEndpoint) -> str:
    """Return the description of the operation, its access and its preconditions."""
    access = ACCESS[endpoint.access].format(scope=endpoint.scope)
    parts = [DESCRIPTIONS.get(endpoint.name, ""), access, _scopes(endpoint)]
    if endpoint.recent_proof:
        parts.append(PROVED)
    if endpoint.conditional and endpoint.method != "GET":
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
