"""Advice for clients on each problem, by its code or else by its status."""

BY_STATUS = {
    400: "Correct the request: it is malformed. `detail` says where.",
    401: "Sign in with `POST /auth/login` and send the access token as `Authorization: Bearer …`.",
    403: "Use an account that may do this, or ask an admin. Repeating the request does not help.",
    404: "Check the path and the id. The resource may have been deleted.",
    405: "Use one of the methods that the `Allow` header lists.",
    406: "Send an `Accept` header with a documented content type, or none.",
    408: "Send the whole body without long pauses.",
    409: "Read the current state, and decide whether the request still makes sense.",
    410: "Use what replaces the endpoint: the page in its `Link` header names it.",
    412: "Read the resource again and repeat the change with its new `ETag`.",
    413: "Send a smaller body.",
    414: "Shorten the path or the query.",
    415: "Send a documented content type.",
    421: "Use the address under which the service is published.",
    422: "Correct the members that `errors` lists as JSON pointers, and repeat the request.",
    428: "Send the precondition that `detail` names.",
    429: "Wait for the seconds in `Retry-After`, or delete what is no longer needed.",
    431: "Send fewer or shorter headers.",
    500: "Report it with its `request_id`. Repeating the request may help.",
    501: "Use a documented method, in capital letters.",
    503: "Repeat the request after the seconds in `Retry-After`.",
}
BY_CODE = {
    "cannot_sign_in": "Enable or unlock the account first.",
    "current_password_needed": "Send the current password as `current_password` as well.",
    "export_not_found": "Request an export with `POST /users/me/export`, and wait for its task.",
    "factor_confirmed": "Use the factor as it is, or add another one.",
    "factor_needed": "Add another authenticator app or a passkey, then remove this one.",
    "factor_required": (
        "Add a second factor with `POST /auth/factors/totp`, or prove one with "
        "`POST /auth/reauthenticate`."
    ),
    "head_too_slow": "Send the request line and all headers without long pauses.",
    "identity_not_linked": (
        "Sign in with the password, and link the identity with `POST /auth/identities` by the "
        "same code; or verify the e-mail address at the provider."
    ),
    "idempotency_key_in_use": "Repeat the request after the seconds in `Retry-After`.",
    "idempotency_key_reused": (
        "Send a new `Idempotency-Key`; repeat an old one only with the same body, `Content-Type`, "
        "`If-Match`, `If-None-Match` and `Prefer`."
    ),
    "insufficient_scope": "Use a token that has the scopes in `detail`, or a session.",
    "invalid_callback": "Begin the sign-in anew, in the same browser and within ten minutes.",
    "invalid_client": "Check client id and client secret; an admin can replace the secret.",
    "invalid_cursor": "Start at the first page, with the same filters, order and path.",
    "impersonation_refused": "Do this as yourself, or ask the owner of the account.",
    "invalid_grant": "Check username and password. After a refused refresh token, sign in again.",
    "email_not_verified": (
        "Open the link in the mail that registration has sent, or request another by "
        "`POST /auth/verify-email/resend`."
    ),
    "invalid_link": "Request a new mail: a link and its code can be used once, within their time.",
    "invalid_mfa_token": "Sign in again; each sign-in gets a new `mfa_token`.",
    "invalid_invite": "Ask for a new invite; link and code of the newest mail are the valid ones.",
    "invalid_passkey": (
        "Ask for new options and let the user try again, on a page of `PASSKEY_ORIGINS`."
    ),
    "invalid_token": "Get a new access token with `POST /auth/refresh`, or sign in again.",
    "kind_not_allowed": "Ask an admin to create this task.",
    "invite_expiry_out_of_range": "Choose a time within the next 30 days, or none.",
    "last_admin": "Make another account an admin first.",
    "last_sign_in_method": "Set a password first, or add another passkey or identity.",
    "malformed_idempotency_key": "Send one key of 1 to 255 printable ASCII characters, or none.",
    "lock_ends_in_past": "Choose a time in the future, or none.",
    "mfa_required": (
        "Send `mfa_token` with a `code` or a `recovery_code` to `POST /auth/mfa`; for `passkey`, "
        "sign in with `POST /auth/passkeys/sign-in`."
    ),
    "no_factor": "Add an authenticator app first.",
    "not_dead": "Wait until the task has failed permanently; until then it is retried by itself.",
    "password_leaked": (
        "Choose another password, and change it wherever else it is used: it is on a published "
        "list of leaked passwords."
    ),
    "password_too_common": (
        "Choose a password that is not on lists of common ones, and has at least five letters or "
        "digits beside names of the account and the service. Three unrelated words are a good one."
    ),
    "provider_unavailable": "Try again in a few seconds, or sign in with the password.",
    "own_account": "Ask another admin, or support.",
    "rank_too_high": "Ask an account that has all roles of this one.",
    "passkey_known": "Use the passkey that is registered.",
    "rate_limited": (
        "Wait for the seconds in `Retry-After`. `RateLimit` on every answer says what is left."
    ),
    "reauthentication_required": (
        "Send the password, a code or a passkey to `POST /auth/reauthenticate`, or sign in again; "
        "then repeat the request."
    ),
    "service_account": "Create tokens for the service account, or replace its client secret.",
    "session_required": "Sign in with `POST /auth/login`, and send the session's access token.",
    "redirect_not_allowed": "Send one of the addresses in `OIDC_REDIRECTS`, letter by letter.",
    "role_beyond_own": "Ask an account that has all scopes of the role.",
    "same_account": "Send the id of another account as `source_id`.",
    "task_id_taken": "Choose another `task_id`, or send the same kind and data as before.",
    "too_many_api_tokens": "Delete tokens that are not used.",
    "too_many_attempts": (
        "Wait for the seconds in `Retry-After`, or ask an admin to unlock the account. From an "
        "address from which it has signed in before, it can sign in meanwhile."
    ),
    "too_many_factors": "Remove one first.",
    "too_many_invites": "Revoke pending invites, or wait until some are accepted or expire.",
    "too_many_tasks": "Wait until some tasks have ended, or cancel some.",
    "unconfirmed_email": (
        "Send the new address to `POST /users/me/email`, and open the link in its mail."
    ),
    "unknown_kind": "Use a kind that the documentation of `POST /tasks` lists.",
    "unknown_role": "Use a role that `GET /roles` lists.",
    "unsupported_grant_type": "Send the `grant_type` that `detail` names, or omit it.",
    "wrong_code": "Wait for the next code, and check that the clock of the device is right.",
    "wrong_current_password": "Send the account's current password.",
}


def remedy(code: str, status: int) -> str:
    """Return advice, with code in backticks; raise KeyError for a status that no problem has."""
    return BY_CODE.get(code) or BY_STATUS[status]
