"""Endpoints of what an account does by mail: verify or change its address, set a new password."""

from http import HTTPStatus
from typing import Any, TypeAlias

from starlette.responses import Response

from jubilee.domain.attempts.attempt import TooManyAttempts
from jubilee.domain.one_time.link import InvalidLink, LinkPurpose
from jubilee.domain.passwords import (
    HasherBusy,
    PasswordLeaked,
    PasswordTooCommon,
    PasswordTooLong,
    PasswordTooShort,
)
from jubilee.domain.rate_limits.quotas import RouteClass
from jubilee.domain.users.recent_proof import ReauthenticationRequired
from jubilee.domain.users.user import (
    CurrentPasswordNeeded,
    EmailTaken,
    UserNotFound,
    WrongCurrentPassword,
)
from jubilee.entrypoints.http.account_email_models import (
    CODE_EXAMPLE,
    TOKEN_EXAMPLE,
    AddressBody,
    AddressChange,
    MailedProof,
    PasswordReset,
    ProofBody,
    ResetBody,
)
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Handler,
    Nothing,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.responses import no_content, ok
from jubilee.entrypoints.http.mail_queued import ACCEPTED, MailQueued

TAG = "auth"


AddressCall: TypeAlias = Call[AddressBody, Nothing]
ProofCall: TypeAlias = Call[ProofBody, Nothing]


async def verify_email(call: ProofCall) -> Response:
    """POST /auth/verify-email."""
    await call.services.verification.verify(call.body.proof, call.client.ip)
    return no_content()


async def resend_verification(call: AddressCall) -> Response:
    """POST /auth/verify-email/resend."""
    return await _requested(call, LinkPurpose.VERIFY_EMAIL)


async def forgot_password(call: AddressCall) -> Response:
    """POST /auth/password/forgot."""
    return await _requested(call, LinkPurpose.RESET_PASSWORD)


async def reset_password(call: Call[ResetBody, Nothing]) -> Response:
    """POST /auth/password/reset."""
    body = call.body
    await call.services.password_resets.reset(body.proof, body.password, call.client.ip)
    return no_content()


async def change_email(call: Call[AddressChange, Nothing]) -> Response:
    """POST /users/me/email."""
    body = call.body
    changes = call.services.email_changes
    await changes.request(body.email, body.current_password, by=call.principal)
    return ok(MailQueued(), status=HTTPStatus.ACCEPTED)


async def confirm_email(call: ProofCall) -> Response:
    """POST /auth/email/confirm."""
    await call.services.email_changes.confirm(call.body.proof, call.client.ip)
    return no_content()


async def undo_email(call: ProofCall) -> Response:
    """POST /auth/email/undo."""
    await call.services.email_changes.undo(call.body.proof, call.client.ip)
    return no_content()


async def _requested(call: AddressCall, purpose: LinkPurpose) -> Response:
    await call.services.link_requests.request(purpose, call.body.email)
    return ok(MailQueued(), status=HTTPStatus.ACCEPTED)


PROOF_ERRORS = (InvalidLink, TooManyAttempts, HasherBusy)


def _request(path: str, name: str, summary: str, handler: Handler[Any, Nothing]) -> AnyEndpoint:
    return Endpoint(
        method="POST",
        path=path,
        name=name,
        summary=summary,
        tag=TAG,
        handler=handler,
        access=Access.ANYONE,
        body=AddressBody,
        example={"email": "zoe@example.com"},
        replies=(ACCEPTED,),
        rate=RouteClass.SIGN_IN,
    )


def _use(path: str, name: str, summary: str, handler: Handler[Any, Nothing]) -> AnyEndpoint:
    return Endpoint(
        method="POST",
        path=path,
        name=name,
        summary=summary,
        tag=TAG,
        handler=handler,
        access=Access.ANYONE,
        body=ProofBody,
        body_schema=MailedProof,
        example={"token": TOKEN_EXAMPLE},
        examples={
            "link": {"token": TOKEN_EXAMPLE},
            "code": {"email": "zoe@example.com", "code": CODE_EXAMPLE},
        },
        replies=(ResponseSpec(status=204, description="Done; the link is used up."),),
        errors=(*PROOF_ERRORS, *(() if name == "verifyEmail" else (EmailTaken,))),
        rate=RouteClass.SIGN_IN,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    _use("/auth/verify-email", "verifyEmail", "Verify one's address", verify_email),
    _request(
        "/auth/verify-email/resend",
        "resendVerification",
        "Mail another link that verifies an address",
        resend_verification,
    ),
    _request(
        "/auth/password/forgot",
        "forgotPassword",
        "Mail a link that sets a new password",
        forgot_password,
    ),
    Endpoint(
        method="POST",
        path="/auth/password/reset",
        name="resetPassword",
        summary="Set a new password by a mailed link or code",
        tag=TAG,
        handler=reset_password,
        access=Access.ANYONE,
        body=ResetBody,
        body_schema=PasswordReset,
        example={"token": TOKEN_EXAMPLE, "password": "correct horse battery"},
        examples={
            "link": {"token": TOKEN_EXAMPLE, "password": "correct horse battery"},
            "code": {
                "email": "zoe@example.com",
                "code": CODE_EXAMPLE,
                "password": "correct horse battery",
            },
        },
        replies=(
            ResponseSpec(status=204, description="The password is set; all sessions have ended."),
        ),
        errors=(
            *PROOF_ERRORS,
            PasswordTooShort,
            PasswordTooLong,
            PasswordTooCommon,
            PasswordLeaked,
        ),
        rate=RouteClass.SIGN_IN,
    ),
    Endpoint(
        method="POST",
        path="/users/me/email",
        name="changeEmail",
        summary="Change one's address: mail a link to the new one",
        tag="users",
        handler=change_email,
        access=Access.SIGNED_IN,
        body=AddressChange,
        example={"email": "zoe@example.org", "current_password": "correct horse battery"},
        replies=(ACCEPTED,),
        errors=(
            CurrentPasswordNeeded,
            WrongCurrentPassword,
            ReauthenticationRequired,
            TooManyAttempts,
            HasherBusy,
            UserNotFound,
        ),
    ),
    _use("/auth/email/confirm", "confirmEmail", "Confirm one's new address", confirm_email),
    _use("/auth/email/undo", "undoEmail", "Restore one's former address", undo_email),
)
