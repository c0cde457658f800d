"""Objects that contain secrets omit them from their repr."""

from dataclasses import Field, fields
from typing import Any, ClassVar, Protocol

import pytest
from pydantic import BaseModel

from jubilee.bootstrap.servers import ServerUrls, SigningKeys
from jubilee.domain.auth.opening import RefreshPolicy, Tokens
from jubilee.domain.auth.second_step import PendingSignIn
from jubilee.domain.auth.tokens import RefreshToken
from jubilee.domain.factors.factor import TotpFactor, TypedFactor
from jubilee.domain.factors.service import NewTotp
from jubilee.domain.mail import EmailPayload, MailMessage
from jubilee.domain.outbound.request import HttpRequest
from jubilee.domain.outbound.sending import HttpReply
from jubilee.domain.passwords import PasswordChange
from jubilee.domain.users.user import User
from jubilee.entrypoints.http.app import HttpOptions
from jubilee.entrypoints.http.auth import OAuthExtras, Refresh
from jubilee.settings.variables import Variables
from jubilee.urls.smtp import SmtpServer


class Dataclass(Protocol):
    """A dataclass, as `fields` accepts it."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


SECRETS: list[tuple[type[Dataclass], set[str]]] = [
    (HttpOptions, {"cursor_keys"}),
    (HttpReply, {"headers", "body"}),
    (HttpRequest, {"target", "headers", "body"}),
    (
        SigningKeys,
        {
            *("access", "refresh", "cursor", "answer", "counters", "audit", "vault", "link"),
            *("address", "export", "ticket", "factors", "passkeys"),
        },
    ),
    (EmailPayload, {"content"}),
    (MailMessage, {"text", "html", "unsubscribe_url"}),
    (PasswordChange, {"new", "current"}),
    (RefreshPolicy, {"key", "previous_keys"}),
    (RefreshToken, {"secret"}),
    (NewTotp, {"secret", "uri"}),
    (PendingSignIn, {"token_hash", "password_digest"}),
    (TotpFactor, {"sealed_secret"}),
    (TypedFactor, {"code"}),
    (SmtpServer, {"password"}),
    (Tokens, {"access", "refresh"}),
    (ServerUrls, {"postgres", "redis"}),
    (User, {"password_hash"}),
    (Variables, {"environment", "file"}),
]


@pytest.mark.parametrize(
    ("holder", "secrets"), SECRETS, ids=lambda value: getattr(value, "__name__", "")
)
def test_an_object_omits_its_secrets_from_its_repr(
    holder: type[Dataclass], secrets: set[str]
) -> None:
    assert {field.name for field in fields(holder) if not field.repr} == secrets


@pytest.mark.parametrize(
    ("model", "secret"), [(OAuthExtras, "client_secret"), (Refresh, "refresh_token")]
)
def test_a_body_omits_its_secrets_from_its_repr(model: type[BaseModel], secret: str) -> None:
    assert not model.model_fields[secret].repr


def test_a_printed_object_has_no_secrets() -> None:
    urls = ServerUrls("postgresql://u:marker@h/d", "redis://:marker@h/0")
    assert "marker" not in f"{urls} {urls!r}"
