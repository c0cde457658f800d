"""The endpoint that takes a proof of identity within a session."""

from starlette.responses import Response

from jubilee.domain.attempts.attempt import TooManyAttempts
from jubilee.domain.auth.proofs import ReauthenticationRequired
from jubilee.domain.passwords import HasherBusy
from jubilee.entrypoints.http.fields import Password
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
    """A proof of who the caller is."""

    password: Password


async def reauthenticate(call: Call[Reauthentication, Nothing]) -> Response:
    """POST /auth/reauthenticate."""
    await call.services.proofs.reauthenticate(call.body.password, by=call.principal)
    return no_content()


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/auth/reauthenticate",
        name="reauthenticate",
        summary="Prove again who you are",
        tag="auth",
        handler=reauthenticate,
        access=Access.SIGNED_IN,
        body=Reauthentication,
        example={"password": "correct horse battery"},
        replies=(ResponseSpec(status=204, description="The proof is taken."),),
        errors=(ReauthenticationRequired, TooManyAttempts, HasherBusy),
    ),
)
