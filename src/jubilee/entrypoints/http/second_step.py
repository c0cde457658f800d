"""The endpoint that ends a sign-in with a second factor."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from starlette.responses import Response

from jubilee.domain.attempts.attempt import TooManyAttempts
from jubilee.domain.auth.second_step import InvalidMfaToken
from jubilee.domain.factors.factor import FactorKind, TypedFactor, WrongCode
from jubilee.domain.rate_limits.quotas import RouteClass
from jubilee.domain.users.user import EmailNotVerified
from jubilee.entrypoints.http.auth import TOKEN_PAIR, token_reply
from jubilee.entrypoints.http.choices import require_choice
from jubilee.entrypoints.http.factor_fields import RecoveryCode, TotpCode
from jubilee.entrypoints.http.fields import absent
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Model,
    Nothing,
    OneOf,
)

MFA_TOKEN_EXAMPLE = "kq0Zb3J9yqfJ0m1nJ6cQy0dH5q2Rr8w7uVxgTzvPnLs"  # noqa: S105  # an example
MfaToken = Annotated[str, Field(min_length=1, max_length=128)]


class SecondFactor(Model):
    """The token of a sign-in, and a code of an authenticator app or a recovery code."""

    mfa_token: MfaToken
    code: TotpCode = absent()
    recovery_code: RecoveryCode = absent()

    @model_validator(mode="after")
    def _one_factor(self) -> Self:
        return require_choice(self, {"code"}, {"recovery_code"})

    def to_domain(self) -> TypedFactor:
        """Return the factor that was sent."""
        if "code" in self.model_fields_set:
            return TypedFactor(FactorKind.TOTP, self.code)
        return TypedFactor(FactorKind.RECOVERY_CODE, self.recovery_code)


class TotpFactorBody(Model):
    """The token of a sign-in, and a code of an authenticator app."""

    mfa_token: MfaToken
    code: TotpCode


class RecoveryFactorBody(Model):
    """The token of a sign-in, and a recovery code."""

    mfa_token: MfaToken
    recovery_code: RecoveryCode


class SecondFactorBody(OneOf[TotpFactorBody | RecoveryFactorBody]):
    """The token of a sign-in, and a code of an authenticator app or a recovery code."""


async def complete_sign_in(call: Call[SecondFactor, Nothing]) -> Response:
    """POST /auth/mfa."""
    step, body = call.services.second_step, call.body
    return token_reply(call, await step.complete(body.mfa_token, body.to_domain(), call.client))


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/auth/mfa",
        name="completeSignIn",
        summary="Sign in with a second factor",
        tag="auth",
        handler=complete_sign_in,
        access=Access.ANYONE,
        body=SecondFactor,
        body_schema=SecondFactorBody,
        example={"mfa_token": MFA_TOKEN_EXAMPLE, "code": "287082"},
        replies=(TOKEN_PAIR,),
        errors=(InvalidMfaToken, WrongCode, EmailNotVerified, TooManyAttempts),
        rate=RouteClass.SIGN_IN,
    ),
)
