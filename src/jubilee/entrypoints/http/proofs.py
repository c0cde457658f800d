"""The endpoint that takes a proof of identity within a session."""

from typing import Self

from pydantic import model_validator
from starlette.responses import Response

from jubilee.domain.attempts.attempt import TooManyAttempts
from jubilee.domain.auth.proofs import PasswordGiven
from jubilee.domain.factors.factor import FactorKind, TypedFactor
from jubilee.domain.passwords import HasherBusy
from jubilee.domain.users.recent_proof import ReauthenticationRequired
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
    OneOf,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.responses import no_content
from jubilee.entrypoints.http.passkey_models import Credential


class Reauthentication(Model):
    """A proof of who the caller is."""

    password: Password = absent()
    code: TotpCode = absent()
    credential: Credential = absent()

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        return require_choice(self, {"password"}, {"code"}, {"credential"})

    def to_domain(self) -> PasswordGiven | TypedFactor:
        """Return the password or the code that was sent."""
        if "password" in self.model_fields_set:
            return PasswordGiven(self.password)
        return TypedFactor(FactorKind.TOTP, self.code)


class ProofByPassword(Model):
    """The password of the account."""

    password: Password


class ProofByCode(Model):
    """A code of an authenticator app."""

    code: TotpCode


class ProofByPasskey(Model):
    """The answer of a passkey to the options of a sign-in."""

    credential: Credential


class IdentityProof(OneOf[ProofByPassword | ProofByCode | ProofByPasskey]):
    """A proof of who the caller is: the password, a code of an authenticator app, or a passkey."""


async def reauthenticate(call: Call[Reauthentication, Nothing]) -> Response:
    """POST /auth/reauthenticate."""
    body, services, me = call.body, call.services, call.principal
    if "credential" in body.model_fields_set:
        await services.passkey_sign_in.prove(body.credential, by=me)
    else:
        await services.proofs.reauthenticate(body.to_domain(), by=me)
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
