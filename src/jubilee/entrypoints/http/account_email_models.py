"""Bodies of what an account does by mail."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from jubilee.domain.one_time.link import LinkProof, LinkToken, TypedCode
from jubilee.entrypoints.http.choices import require_choice
from jubilee.entrypoints.http.fields import Email, Password, absent
from jubilee.entrypoints.http.framework.endpoint import Model, OneOf

MAX_TOKEN_CHARS = 200
MAX_CODE_CHARS = 20
TOKEN_EXAMPLE = "6mJ0w8tB0yZ1mGqk3oXgP2H5b2x1nVd0Q4rS7uT9vWc"  # noqa: S105  # not a token of ours
CODE_EXAMPLE = "K7QM-3XWT"
Token = Annotated[str, Field(min_length=1, max_length=MAX_TOKEN_CHARS)]
Code = Annotated[str, Field(min_length=1, max_length=MAX_CODE_CHARS, examples=[CODE_EXAMPLE])]


class AddressBody(Model):
    """The address of an account."""

    email: Email


class AddressChange(AddressBody):
    """The new address, and the current password as proof."""

    current_password: Password | None = Field(
        None, description="required if the account has a password"
    )


class ProofBody(Model):
    """Either the token of a mailed link, or the code beside it with the mail's address."""

    token: Token = absent()
    email: Email = absent()
    code: Code = absent()

    @model_validator(mode="after")
    def _is_one_proof(self) -> Self:
        return require_choice(self, {"token"}, {"code", "email"})

    @property
    def proof(self) -> LinkProof:
        """The token or the code that was sent."""
        if "token" in self.model_fields_set:
            return LinkToken(self.token)
        return TypedCode(self.email, self.code)


class ResetBody(ProofBody):
    """A proof, and the new password."""

    password: Password


class TokenProof(Model):
    """The token of a mailed link."""

    token: Token


class CodeProof(Model):
    """The code of a mail, and the address that it was mailed to."""

    email: Email
    code: Code


class MailedProof(OneOf[TokenProof | CodeProof]):
    """Either the token of a mailed link, or the code beside it with the mail's address."""


class TokenReset(TokenProof):
    """The token of a mailed link, and the new password."""

    password: Password


class CodeReset(CodeProof):
    """The code of a mail with its address, and the new password."""

    password: Password


class PasswordReset(OneOf[TokenReset | CodeReset]):
    """A proof, and the new password."""
