"""Endpoints of passkeys: one's own, and sign-in by them."""

from starlette.responses import Response

from jubilee.domain.factors.factor import FactorNeeded, TooManyFactors
from jubilee.domain.passkeys.passkey import InvalidPasskey, PasskeyKnown, PasskeyNotFound
from jubilee.domain.rate_limits.quotas import RouteClass
from jubilee.domain.users.sign_in_methods import LastSignInMethod
from jubilee.domain.users.user import EmailNotVerified
from jubilee.entrypoints.http.auth import TOKEN_PAIR, token_reply
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
from jubilee.entrypoints.http.framework.responses import no_content, ok
from jubilee.entrypoints.http.passkey_models import (
    ASSERTION_EXAMPLE,
    CREATION_EXAMPLE,
    CREDENTIAL_EXAMPLE,
    PASSKEY_EXAMPLE,
    REQUEST_EXAMPLE,
    NewPasskey,
    OptionsReply,
    PasskeyAssertion,
    PasskeyLogin,
    PasskeyPage,
    PasskeyPatch,
    PasskeyReply,
)

TAG = "factors"
ONE = ResponseSpec(
    status=200, description="The passkey.", model=PasskeyReply, example=PASSKEY_EXAMPLE
)


async def passkey_options(call: Call[Nothing, Nothing]) -> Response:
    """POST /auth/passkeys/options."""
    options = await call.services.passkeys.options(by=call.principal)
    return ok(OptionsReply(public_key=dict(options)))


async def add_passkey(call: Call[NewPasskey, Nothing]) -> Response:
    """POST /auth/passkeys."""
    body, passkeys = call.body, call.services.passkeys
    added = await passkeys.register(body.credential, body.name, by=call.principal)
    headers = {"Location": f"{call.mount}/auth/passkeys"}
    return ok(PasskeyReply.of(added), headers=headers, status=201)


async def list_passkeys(call: Call[Nothing, Nothing]) -> Response:
    """GET /auth/passkeys."""
    found = await call.services.passkeys.list(by=call.principal)
    return ok(PasskeyPage(items=[PasskeyReply.of(one) for one in found], next_cursor=None))


async def rename_passkey(call: Call[PasskeyPatch, Nothing]) -> Response:
    """PATCH /auth/passkeys/{id}."""
    passkeys = call.services.passkeys
    renamed = await passkeys.rename(call.id, call.body.name, by=call.principal)
    return ok(PasskeyReply.of(renamed))


async def remove_passkey(call: Call[Nothing, Nothing]) -> Response:
    """DELETE /auth/passkeys/{id}."""
    await call.services.passkeys.remove(call.id, by=call.principal)
    return no_content()


async def sign_in_options(call: Call[PasskeyLogin, Nothing]) -> Response:
    """POST /auth/passkeys/sign-in/options."""
    options = await call.services.passkey_sign_in.options(call.body.username)
    return ok(OptionsReply(public_key=dict(options)))


async def sign_in(call: Call[PasskeyAssertion, Nothing]) -> Response:
    """POST /auth/passkeys/sign-in."""
    tokens = await call.services.passkey_sign_in.sign_in(call.body.credential, call.client)
    return token_reply(call, tokens)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/auth/passkeys/options",
        name="passkeyOptions",
        summary="Get the options for creating a passkey",
        tag=TAG,
        handler=passkey_options,
        access=Access.SIGNED_IN,
        for_enrolment=True,
        recent_proof=True,
        replies=(
            ResponseSpec(
                status=200,
                description="Options of a registration, valid for five minutes.",
                model=OptionsReply,
                example=CREATION_EXAMPLE,
            ),
        ),
    ),
    Endpoint(
        method="POST",
        path="/auth/passkeys",
        name="addPasskey",
        summary="Add a passkey",
        tag=TAG,
        handler=add_passkey,
        access=Access.SIGNED_IN,
        for_enrolment=True,
        recent_proof=True,
        body=NewPasskey,
        example={"name": "Zoe's phone", "credential": CREDENTIAL_EXAMPLE},
        replies=(
            ResponseSpec(
                status=201,
                description="The new passkey.",
                model=PasskeyReply,
                headers={"Location": "path of the list of passkeys"},
                example=PASSKEY_EXAMPLE,
            ),
        ),
        errors=(InvalidPasskey, PasskeyKnown, TooManyFactors),
    ),
    Endpoint(
        method="GET",
        path="/auth/passkeys",
        name="listPasskeys",
        summary="List one's own passkeys",
        tag=TAG,
        handler=list_passkeys,
        access=Access.SIGNED_IN,
        for_enrolment=True,
        replies=(
            ResponseSpec(
                status=200,
                description="All passkeys of the account: twenty at most.",
                model=PasskeyPage,
                example={"items": [PASSKEY_EXAMPLE], "next_cursor": None},
            ),
        ),
    ),
    Endpoint(
        method="PATCH",
        path="/auth/passkeys/{id}",
        name="renamePasskey",
        summary="Rename a passkey",
        tag=TAG,
        handler=rename_passkey,
        access=Access.SIGNED_IN,
        body=PasskeyPatch,
        media=(JSON, MERGE_PATCH),
        example={"name": "Zoe's phone"},
        replies=(ONE,),
        errors=(PasskeyNotFound,),
        idempotency=Idempotency.IN_TRANSACTION,
    ),
    Endpoint(
        method="DELETE",
        path="/auth/passkeys/{id}",
        name="removePasskey",
        summary="Remove a passkey",
        tag=TAG,
        handler=remove_passkey,
        access=Access.SIGNED_IN,
        recent_proof=True,
        replies=(ResponseSpec(status=204, description="The passkey is removed."),),
        errors=(PasskeyNotFound, FactorNeeded, LastSignInMethod),
    ),
    Endpoint(
        method="POST",
        path="/auth/passkeys/sign-in/options",
        name="passkeySignInOptions",
        summary="Get the options for signing in with a passkey",
        tag=TAG,
        handler=sign_in_options,
        access=Access.ANYONE,
        body=PasskeyLogin,
        example={"username": "zoe@example.com"},
        replies=(
            ResponseSpec(
                status=200,
                description="Options of a sign-in, valid for five minutes.",
                model=OptionsReply,
                example=REQUEST_EXAMPLE,
            ),
        ),
        needs_database=False,
        rate=RouteClass.SIGN_IN,
    ),
    Endpoint(
        method="POST",
        path="/auth/passkeys/sign-in",
        name="passkeySignIn",
        summary="Sign in with a passkey",
        tag=TAG,
        handler=sign_in,
        access=Access.ANYONE,
        body=PasskeyAssertion,
        example={"credential": ASSERTION_EXAMPLE},
        replies=(TOKEN_PAIR,),
        errors=(InvalidPasskey, EmailNotVerified),
        rate=RouteClass.SIGN_IN,
    ),
)
