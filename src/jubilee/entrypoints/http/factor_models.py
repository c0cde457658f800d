"""Request and response bodies of second factors."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import Field

from jubilee.domain.factors.factor import TotpFactor
from jubilee.domain.factors.service import NewTotp, OwnFactors
from jubilee.entrypoints.http.factor_fields import TotpCode
from jubilee.entrypoints.http.framework.endpoint import Model, ReplyModel
from jubilee.entrypoints.http.framework.paging import PageReply

FACTOR_ID = "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105  # an example
FACTOR_EXAMPLE = {
    "id": FACTOR_ID,
    "kind": "totp",
    "created_at": "2026-11-20T09:00:00Z",
    "confirmed_at": "2026-11-20T09:01:00Z",
}
FACTORS_EXAMPLE = {"items": [FACTOR_EXAMPLE], "next_cursor": None, "recovery_codes_left": 10}
NEW_TOTP_EXAMPLE = {
    "id": FACTOR_ID,
    "secret": SECRET,
    "otpauth_uri": f"otpauth://totp/Jubilee:zoe%40example.com?secret={SECRET}&issuer=Jubilee",
}
CODES_EXAMPLE = {"recovery_codes": ["7Q4K-XPW2-M9TZ-C3HD-V8RB-J5NF"] * 10}


class FirstCode(Model):
    """The first code of an authenticator app."""

    code: TotpCode


class FactorReply(ReplyModel):
    """An authenticator app, without its secret."""

    id: UUID
    kind: Literal["totp"]
    created_at: datetime
    confirmed_at: datetime | None = Field(description="null: it does not count yet")

    @classmethod
    def of(cls, factor: TotpFactor) -> Self:
        """Make the reply for a factor."""
        return cls(
            id=factor.id,
            kind="totp",
            created_at=factor.created_at,
            confirmed_at=factor.confirmed_at,
        )


class FactorsReply(PageReply):
    """All factors of the account beside its passkeys: always a single page."""

    items: list[FactorReply]
    recovery_codes_left: int

    @classmethod
    def of(cls, own: OwnFactors) -> Self:
        """Make the reply for the factors of an account."""
        items = [FactorReply.of(factor) for factor in own.totp]
        return cls(items=items, next_cursor=None, recovery_codes_left=own.recovery_codes)


class NewTotpReply(ReplyModel):
    """An authenticator app to confirm; its secret is shown this once."""

    id: UUID
    secret: str = Field(description="in Base32, for apps in which it is typed")
    otpauth_uri: str = Field(description="for apps that read it as a QR code")

    @classmethod
    def of(cls, new: NewTotp) -> Self:
        """Make the reply for a new factor."""
        return cls(id=new.id, secret=new.secret, otpauth_uri=new.uri)


class RecoveryCodesReply(ReplyModel):
    """New recovery codes, shown this once; empty if the earlier ones stay valid."""

    recovery_codes: list[str]

    @classmethod
    def of(cls, codes: Sequence[str]) -> Self:
        """Make the reply for a set of codes."""
        return cls(recovery_codes=list(codes))
