"""The endpoint that takes a proof of identity within a session."""

from typing import Self

from pydantic import RootModel, model_validator
from starlette.responses import Response

from jubilee.domain.attempts.attempt import TooManyAttempts
from jubilee.domain.auth.proofs import PasswordGiven, ReauthenticationRequired
from jubilee.domain.factors.factor import FactorKind, TypedFactor
from jubilee.domain.passwords import HasherBusy
from jubilee.entrypoints.http.choices import require_choice
from jubilee.entrypoints.http.factor_fields import TotpCode
from jubilee.entrypoints.http.fields import Password, absent
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Model,
    Nothing,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.responses import no_content


class Reauthentication(Model):
    """A proof of who the caller is: the password, or a code of an authenticator app."""

    password: Password = absent()
    code: TotpCode = absent()

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        return require_choice(self, {"password"}, {"code"})

    def to_domain(self) -> PasswordGiven | TypedFactor:
        """Return the proof that was sent."""
        if "password" in self.model_fields_set:
            return PasswordGiven(self.password)
        return TypedFactor(FactorKind.TOTP, self.code)


class ProofByPassword(Model):
    """The password of the account."""

    password: Password


class ProofByCode(Model):
    """A code of an authenticator app."""

    code: TotpCode


class IdentityProof(RootModel[ProofByPassword | ProofByCode]):
    """A proof of who the caller is: the password, or a code of an authenticator app."""


async def reauthenticate(call: Call[Reauthentication, Nothing]) -> Response:
    """POST /auth/reauthenticate."""
    await call.services.proofs.reauthenticate(call.body.to_domain(), by=call.principal)
    return no_content()


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/auth/reauthenticate",
        name="reauthenticate",
        summary="Prove one's identity again",
        tag="auth",
        handler=reauthenticate,
        access=Access.SIGNED_IN,
        for_enrolment=True,
        body=Reauthentication,
        body_schema=IdentityProof,
        examples={
            "by the password": {"password": "correct horse battery"},
            "by a code": {"code": "287082"},
        },
        example={"password": "correct horse battery"},
        replies=(ResponseSpec(status=204, description="The proof is accepted."),),
        errors=(ReauthenticationRequired, TooManyAttempts, HasherBusy),
    ),
)
