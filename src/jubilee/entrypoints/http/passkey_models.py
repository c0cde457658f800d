"""Request and response bodies of passkeys."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from jubilee.domain.passkeys.passkey import DEFAULT_NAME, Passkey
from jubilee.domain.text import composed, line_fault
from jubilee.entrypoints.http.framework.endpoint import Model, ReplyModel
from jubilee.entrypoints.http.framework.paging import PageReply
from jubilee.entrypoints.http.text_patterns import LINE_PATTERN, LINE_TEXT, DocumentedPattern

MAX_NAME_CHARS = 100
CREDENTIAL_ID = "kq0Zb3J9yqfJ0m1nJ6cQyw"
CHALLENGE = "AAAAAGkd5xAAAQIDBAUGBwgJCgsMDQ4PXk9fY2dqb3V5fYGFiY2RlQ"
PASSKEY_EXAMPLE = {
    "id": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f",
    "name": "Zoe's phone",
    "backed_up": True,
    "created_at": "2026-11-20T09:00:00Z",
    "last_used_at": "2026-11-20T09:30:00Z",
}
CREATION_EXAMPLE = {
    "public_key": {
        "rp": {"id": "example.com", "name": "Jubilee"},
        "user": {
            "id": "AZqgwX1OfDWdDzpLXG1-jw",
            "name": "zoe@example.com",
            "displayName": "Zoe Quill",
        },
        "challenge": CHALLENGE,
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "authenticatorSelection": {"residentKey": "required", "userVerification": "required"},
    }
}
REQUEST_EXAMPLE = {
    "public_key": {
        "challenge": CHALLENGE,
        "rpId": "example.com",
        "allowCredentials": [],
        "userVerification": "required",
    }
}
CREDENTIAL_EXAMPLE = {
    "id": CREDENTIAL_ID,
    "rawId": CREDENTIAL_ID,
    "type": "public-key",
    "response": {"clientDataJSON": "e30", "attestationObject": "oA"},
}
ASSERTION_EXAMPLE = {
    "id": CREDENTIAL_ID,
    "rawId": CREDENTIAL_ID,
    "type": "public-key",
    "response": {"clientDataJSON": "e30", "authenticatorData": "oA", "signature": "oA"},
}


def _line(name: str) -> str:
    normal = composed(name)
    fault = line_fault(normal)
    if fault is not None:
        raise PydanticCustomError("invalid_name", "{reason}", {"reason": fault})
    return normal


PasskeyName = Annotated[
    str,
    AfterValidator(_line),
    Field(
        min_length=1,
        max_length=MAX_NAME_CHARS,
        description=LINE_TEXT,
        examples=["Zoe's phone"],
    ),
    DocumentedPattern(LINE_PATTERN),
]
Credential = Annotated[
    dict[str, Any],
    Field(description="what `PublicKeyCredential.toJSON()` returns in the browser"),
]


class NewPasskey(Model):
    """A passkey that a browser has made."""

    credential: Credential
    name: PasskeyName = DEFAULT_NAME


class PasskeyPatch(Model):
    """A new name of a passkey."""

    name: PasskeyName


class PasskeyLogin(Model):
    """Whose passkey will sign in; without a user name, any account's."""

    username: str | None = Field(
        None, min_length=1, max_length=254, description="username or e-mail address"
    )


class PasskeyAssertion(Model):
    """The answer of a passkey to the options of a sign-in."""

    credential: Credential


class OptionsReply(ReplyModel):
    """Options for the browser's `navigator.credentials`."""

    public_key: dict[str, Any] = Field(
        description="for `PublicKeyCredential.parseCreationOptionsFromJSON()` or "
        "`parseRequestOptionsFromJSON()`"
    )


class PasskeyReply(ReplyModel):
    """A passkey, without its key."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    backed_up: bool = Field(description="whether it is backed up, so that it outlives the device")
    created_at: datetime
    last_used_at: datetime | None

    @classmethod
    def of(cls, passkey: Passkey) -> Self:
        """Make the reply for a passkey."""
        return cls.model_validate(passkey)


class PasskeyPage(PageReply):
    """All passkeys of the account, oldest first: always a single page."""

    items: list[PasskeyReply]
