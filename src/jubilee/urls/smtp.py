"""URLs of mail servers."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote

from pydantic import SecretStr

from jubilee.urls.parts import split_checked

PARAMETERS = frozenset({"starttls"})
STARTTLS = {"always": True, "auto": None, "never": False}
SMTP_PORT, SMTPS_PORT = 587, 465


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Address of a mail server, and how its connections are encrypted.

    `starttls` None upgrades a connection where the server offers it.
    """

    host: str
    port: int
    tls: bool
    starttls: bool | None
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> "SmtpServer":
        """Parse `smtp://user:password@host:587?starttls=always` or `smtps://…`.

        A password is sent to another machine only encrypted, unless `starttls` says otherwise.
        Raises ValueError.
        """
        if url.partition("://")[0] not in {"smtp", "smtps"}:
            raise ValueError("it must begin with smtp:// or smtps://")
        parts = split_checked(url, PARAMETERS)
        if not parts.hostname or parts.path not in {"", "/"}:
            raise ValueError("its form is smtp://user:password@host:587 or smtps://…")
        tls = parts.scheme == "smtps"
        needs_encryption = parts.username is not None and not _is_loopback(parts.hostname)
        default = "always" if needs_encryption else "auto"
        starttls = parse_qs(parts.query).get("starttls", [default])[-1]
        if starttls not in STARTTLS:
            raise ValueError("starttls must be always, auto or never")
        return cls(
            host=parts.hostname,
            port=parts.port or (SMTPS_PORT if tls else SMTP_PORT),
            tls=tls,
            starttls=False if tls else STARTTLS[starttls],
            username=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
        )


def checked_smtp_url(url: SecretStr) -> SecretStr:
    """Return the URL unchanged if SmtpServer can parse it; raises ValueError."""
    SmtpServer.parse(url.get_secret_value())
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
