"""Endpoints of second factors: one's own, and their reset by admins."""

from starlette.responses import Response

from jubilee.domain.attempts.attempt import TooManyAttempts
from jubilee.domain.factors.factor import (
    FactorConfirmed,
    FactorNeeded,
    FactorNotFound,
    NoFactor,
    TooManyFactors,
    WrongCode,
)
from jubilee.domain.identity import UserId
from jubilee.domain.users.user import UserNotFound
from jubilee.entrypoints.http.factor_models import (
    CODES_EXAMPLE,
    FACTORS_EXAMPLE,
    NEW_TOTP_EXAMPLE,
    FactorsReply,
    FirstCode,
    NewTotpReply,
    RecoveryCodesReply,
)
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Nothing,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.responses import no_content, ok

TAG = "factors"
CODES = ResponseSpec(
    status=200,
    description="The new recovery codes.",
    model=RecoveryCodesReply,
    example=CODES_EXAMPLE,
)


async def list_factors(call: Call[Nothing, Nothing]) -> Response:
    """GET /auth/factors."""
    return ok(FactorsReply.of(await call.services.factors.list(by=call.principal)))


async def add_totp(call: Call[Nothing, Nothing]) -> Response:
    """POST /auth/factors/totp."""
    new = await call.services.factors.add_totp(by=call.principal)
    headers = {"Location": f"{call.mount}/auth/factors"}
    return ok(NewTotpReply.of(new), headers=headers, status=201)


async def confirm_totp(call: Call[FirstCode, Nothing]) -> Response:
    """POST /auth/factors/totp/{id}/confirm."""
    factors = call.services.factors
    codes = await factors.confirm_totp(call.id, call.body.code, by=call.principal)
    return ok(RecoveryCodesReply.of(codes))


async def renew_recovery_codes(call: Call[Nothing, Nothing]) -> Response:
    """POST /auth/factors/recovery-codes."""
    codes = await call.services.factors.renew_recovery_codes(by=call.principal)
    return ok(RecoveryCodesReply.of(codes))


async def remove_factor(call: Call[Nothing, Nothing]) -> Response:
    """DELETE /auth/factors/{id}."""
    await call.services.factors.remove(call.id, by=call.principal)
    return no_content()


async def reset_factors(call: Call[Nothing, Nothing]) -> Response:
    """DELETE /users/{id}/factors."""
    await call.services.factors.reset(UserId(call.id), by=call.principal)
    return no_content()


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/auth/factors",
        name="listFactors",
        summary="List one's own authenticator apps",
        tag=TAG,
        handler=list_factors,
        access=Access.SIGNED_IN,
        for_enrolment=True,
        replies=(
            ResponseSpec(
                status=200,
                description="The authenticator apps, and the number of recovery codes.",
                model=FactorsReply,
                example=FACTORS_EXAMPLE,
            ),
        ),
    ),
    Endpoint(
        method="POST",
        path="/auth/factors/totp",
        name="addTotp",
        summary="Add an authenticator app",
        tag=TAG,
        handler=add_totp,
        access=Access.SIGNED_IN,
        for_enrolment=True,
        recent_proof=True,
        replies=(
            ResponseSpec(
                status=201,
                description="The secret of the app, to be confirmed by a code.",
                model=NewTotpReply,
                headers={"Location": "path of the list of factors"},
                example=NEW_TOTP_EXAMPLE,
            ),
        ),
        errors=(TooManyFactors,),
    ),
    Endpoint(
        method="POST",
        path="/auth/factors/totp/{id}/confirm",
        name="confirmTotp",
        summary="Confirm an authenticator app by its first code",
        tag=TAG,
        handler=confirm_totp,
        access=Access.SIGNED_IN,
        for_enrolment=True,
        recent_proof=True,
        body=FirstCode,
        example={"code": "287082"},
        replies=(CODES,),
        errors=(FactorNotFound, FactorConfirmed, WrongCode, TooManyAttempts),
    ),
    Endpoint(
        method="POST",
        path="/auth/factors/recovery-codes",
        name="renewRecoveryCodes",
        summary="Replace one's own recovery codes",
        tag=TAG,
        handler=renew_recovery_codes,
        access=Access.SIGNED_IN,
        recent_proof=True,
        replies=(CODES,),
        errors=(NoFactor,),
    ),
    Endpoint(
        method="DELETE",
        path="/auth/factors/{id}",
        name="removeFactor",
        summary="Remove an authenticator app",
        tag=TAG,
        handler=remove_factor,
        access=Access.SIGNED_IN,
        recent_proof=True,
        replies=(ResponseSpec(status=204, description="The authenticator app is removed."),),
        errors=(FactorNotFound, FactorNeeded),
    ),
    Endpoint(
        method="DELETE",
        path="/users/{id}/factors",
        name="resetFactors",
        summary="Remove all second factors of an account",
        tag=TAG,
        handler=reset_factors,
        access=Access.ADMIN,
        recent_proof=True,
        replies=(ResponseSpec(status=204, description="The account has no second factor."),),
        errors=(UserNotFound,),
    ),
)
