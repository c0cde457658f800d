"""Descriptions of the operations on tokens and service accounts, by operation id."""

from jubilee.entrypoints.http.docs.phrases import PAGED

TOKEN_DESCRIPTIONS = {
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
}
