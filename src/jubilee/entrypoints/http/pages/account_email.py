"""The pages that mails link to: address and password."""

from typing import TypeAlias

from pydantic import Field

from jubilee.domain.errors import Invalid
from jubilee.domain.mail_addresses import is_mail_address
from jubilee.domain.one_time.link import LinkProof, LinkPurpose, LinkToken, TypedCode
from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint, Call, Model, Nothing
from jubilee.entrypoints.http.pages.page import MAX_FIELD_CHARS, FormPage


class InvalidAddress(Invalid):
    """This is no e-mail address."""

    code = "invalid_address"


class AddressForm(Model):
    """An address."""

    email: str = Field("", max_length=MAX_FIELD_CHARS)


class ProofForm(AddressForm):
    """The token of the link, or address and code."""

    token: str = Field("", max_length=MAX_FIELD_CHARS)
    code: str = Field("", max_length=MAX_FIELD_CHARS)

    @property
    def proof(self) -> LinkProof:
        """The token or the code that was sent."""
        return LinkToken(self.token) if self.token else TypedCode(self.email.strip(), self.code)


class ResetForm(ProofForm):
    """A proof, and the new password."""

    password: str = Field("", max_length=MAX_FIELD_CHARS)


AddressFormCall: TypeAlias = Call[AddressForm, Nothing]


async def verify_email(call: Call[ProofForm, Nothing]) -> str:
    """POST /account/verify-email."""
    await call.services.verification.verify(call.body.proof, call.client.ip)
    return "email_verified"


async def reset_password(call: Call[ResetForm, Nothing]) -> str:
    """POST /account/reset-password."""
    body = call.body
    await call.services.password_resets.reset(body.proof, body.password, call.client.ip)
    return "password_set"


async def confirm_email(call: Call[ProofForm, Nothing]) -> str:
    """POST /account/confirm-email."""
    await call.services.email_changes.confirm(call.body.proof, call.client.ip)
    return "email_confirmed"


async def undo_email(call: Call[ProofForm, Nothing]) -> str:
    """POST /account/undo-email."""
    await call.services.email_changes.undo(call.body.proof, call.client.ip)
    return "email_restored"


async def forgot_password(call: AddressFormCall) -> str:
    """POST /account/forgot-password."""
    return await _request(call, LinkPurpose.RESET_PASSWORD)


async def resend_verification(call: AddressFormCall) -> str:
    """POST /account/resend-verification."""
    return await _request(call, LinkPurpose.VERIFY_EMAIL)


async def _request(call: AddressFormCall, purpose: LinkPurpose) -> str:
    address = call.body.email.strip()
    if not is_mail_address(address):
        raise InvalidAddress
    await call.services.link_requests.request(purpose, address)
    return "mail_sent"


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    *FormPage("/account/verify-email", "verify_email", verify_email, ProofForm).endpoints,
    *FormPage("/account/reset-password", "reset_password", reset_password, ResetForm).endpoints,
    *FormPage("/account/confirm-email", "confirm_email", confirm_email, ProofForm).endpoints,
    *FormPage("/account/undo-email", "undo_email", undo_email, ProofForm).endpoints,
    *FormPage(
        "/account/forgot-password", "forgot_password", forgot_password, AddressForm
    ).endpoints,
    *FormPage(
        "/account/resend-verification", "resend_verification", resend_verification, AddressForm
    ).endpoints,
)
