"""Settings of mail, and of requests that tasks send to other hosts."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from jubilee.domain.ip_addresses import Network
from jubilee.domain.mail_addresses import sender_parts
from jubilee.domain.outbound.address_policy import AllowedHost
from jubilee.settings.group import SettingsGroup, comma_separated
from jubilee.urls.smtp import checked_smtp_url


def _sender(text: str) -> str:
    sender_parts(text)
    return text


def _outbound_host(text: str) -> str:
    AllowedHost.parse(text)
    return text


class OutboundSettings(SettingsGroup):
    """Mail server, sender, and hosts that tasks may reach."""

    smtp_url: Annotated[SecretStr, AfterValidator(checked_smtp_url)] | None = Field(
        None, description="the mail server: smtp://user:password@host:587 or smtps://…"
    )
    mail_from: Annotated[str, AfterValidator(_sender)] = Field(
        "Jubilee <jubilee@localhost>", description="sender of the service's mail"
    )
    mail_dir: Path | None = Field(
        None, description="folder for mail as .eml files, used without SMTP_URL"
    )
    outbound_allowed_hosts: Annotated[
        tuple[Annotated[str, AfterValidator(_outbound_host)], ...],
        NoDecode,
        BeforeValidator(comma_separated),
    ] = Field(
        (), description="hosts that http.request of any user may reach: host, *.host, host:port"
    )
    outbound_allowed_networks: Annotated[
        tuple[Network, ...], NoDecode, BeforeValidator(comma_separated)
    ] = Field(
        (), description="networks that http.request of any user may reach, such as 10.1.0.0/16"
    )
