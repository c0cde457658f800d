"""Descriptions of the operations of signing in, by operation id."""

from jubilee.entrypoints.http.docs.phrases import PATCHED

SIGN_IN = (
    "Returns an access token and a refresh token for a username or an e-mail address and its "
    "password. With a second factor the answer is 403 `mfa_required`, with an `mfa_token` for "
    "`POST /auth/mfa`. Wrong credentials and disabled accounts are refused with `invalid_grant`. "
    "Ten wrong passwords of an account, or sixty from an address, lock it for a quarter of an hour "
    "(429). An address from which the account has signed in before is not affected by others."
)
METADATA = (
    "Libraries that verify access tokens find `jwks_uri` here; `issuer` is the `iss` of the "
    "tokens. 404 if `PUBLIC_URL` is not set."
)

SIGN_IN_DESCRIPTIONS = {
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
        "Completes a sign-in that was answered with 403 `mfa_required`: takes its `mfa_token`, "
        "which is valid for five minutes and five tries, and a code of an authenticator app or a "
        "recovery code. Each code works once; five wrong ones of an account lock its second "
        "factor for a quarter of an hour (429)."
    ),
    "reauthenticate": (
        "Proves who the caller is by the account's password, a code of an authenticator app, or a "
        "passkey that answers `POST /auth/passkeys/sign-in/options`, so that this session may do "
        "what needs a recent proof. A wrong one is refused with 403; wrong passwords and codes are "
        "counted and limited (429)."
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
    "listProviders": "Lists the providers to sign in with, in the order of `OIDC_PROVIDERS`.",
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
}
