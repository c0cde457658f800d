"""The settings: one object that inherits all groups."""

from enum import Enum

from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from jubilee.settings.accounts import AccountSettings, check_secret_key
from jubilee.settings.audit import AuditSettings
from jubilee.settings.birthdays import BirthdaySettings
from jubilee.settings.database import DatabaseSettings
from jubilee.settings.edge import ANY, LOCAL_ORIGINS, EdgeSettings
from jubilee.settings.factors import FactorSettings
from jubilee.settings.identity_providers import IdentityProviderSettings
from jubilee.settings.jobs import JobSettings
from jubilee.settings.outbound import OutboundSettings
from jubilee.settings.passwords import PasswordSettings
from jubilee.settings.redis import RedisSettings
from jubilee.settings.requests import RequestSettings
from jubilee.settings.secret_files import read_secrets
from jubilee.settings.server import Environment, ServerSettings
from jubilee.settings.telemetry import API_METRICS_PORT, DOTENV, TelemetrySettings
from jubilee.settings.variables import read_variables
from jubilee.urls.parts import without_password
from jubilee.urls.public import host_of

URLS = ("database_migration_url", "database_replica_url", "smtp_url")
"""Settings that are shown without their passwords; DATABASE_URL and REDIS_URL have parts, too."""


class Settings(  # pydantic lists the fields of the last base first
    BirthdaySettings,
    OutboundSettings,
    JobSettings,
    TelemetrySettings,
    AuditSettings,
    IdentityProviderSettings,
    PasswordSettings,
    FactorSettings,
    AccountSettings,
    EdgeSettings,
    RequestSettings,
    RedisSettings,
    DatabaseSettings,
    ServerSettings,
    BaseSettings,
):
    """Every setting with its default, in the order of `.env.example`, which lists them."""

    model_config = SettingsConfigDict(
        env_file=DOTENV,
        extra="ignore",
        frozen=True,
        defer_build=False,
        hide_input_in_errors=True,
        env_ignore_empty=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, data: dict[str, object]) -> dict[str, object]:
        secrets = read_secrets(cls.model_fields, read_variables())
        return {**data, **{name.lower(): value for name, value in secrets.items()}}

    @model_validator(mode="after")
    def _strong_secrets(self) -> "Settings":
        if self.environment is not Environment.DEVELOPMENT:
            check_secret_key("SECRET_KEY", self.secret_key, self.environment.value)
            for key in self.previous_secret_keys:
                check_secret_key("SECRET_KEY_PREVIOUS", key, self.environment.value)
        return self

    @model_validator(mode="after")
    def _one_list_of_leaked_passwords(self) -> "Settings":
        if self.pwned_passwords_url is not None and self.pwned_passwords_file is not None:
            raise ValueError("PWNED_PASSWORDS_URL and PWNED_PASSWORDS_FILE exclude each other")
        return self

    @model_validator(mode="after")
    def _hidden_until_verified(self) -> "Settings":
        if self.registration_conflict == "hide" and self.email_verification != "required":
            raise ValueError("REGISTRATION_CONFLICT=hide needs EMAIL_VERIFICATION=required")
        return self

    @model_validator(mode="after")
    def _no_credentials_for_all(self) -> "Settings":
        if self.cors_allow_credentials and ANY in self.cors_origins:
            raise ValueError("CORS_ALLOW_CREDENTIALS needs origins in BACKEND_CORS_ORIGINS, not *")
        return self

    @model_validator(mode="after")
    def _known_way_back(self) -> "Settings":
        if self.oidc_providers is not None and not (self.public_url and self.oidc_redirects):
            raise ValueError("OIDC_PROVIDERS needs PUBLIC_URL and OIDC_REDIRECTS")
        return self

    @property
    def cors_origins(self) -> tuple[str, ...]:
        """Origins whose pages may call the API."""
        if self.backend_cors_origins is not None:
            return self.backend_cors_origins
        return LOCAL_ORIGINS if self.environment is Environment.DEVELOPMENT else ()

    @property
    def accepted_hosts(self) -> tuple[str, ...]:
        """Host names under which the API may be called; empty: any."""
        if self.trusted_hosts:
            return () if ANY in self.trusted_hosts else self.trusted_hosts
        if self.public_url is None or self.environment is Environment.DEVELOPMENT:
            return ()
        return (host_of(self.public_url),)

    @property
    def api_metrics_port(self) -> int | None:
        """Port of the API's metrics; None serves /metrics on the API's own port."""
        if self.metrics_port is not None:
            return self.metrics_port or None
        return None if self.environment is Environment.DEVELOPMENT else API_METRICS_PORT

    def masked(self) -> dict[str, str]:
        """Return the values by their names in the environment, with secrets masked."""
        given = {
            name: secret.get_secret_value()
            for name in URLS
            if (secret := getattr(self, name)) is not None
        }
        urls = {**given, "database_url": self.postgres, "redis_url": self.redis}
        values = {name: _display(value) for name, value in self.model_dump().items()}
        values |= {name: without_password(url) for name, url in urls.items() if url}
        return {name.upper(): value for name, value in values.items()}


def _display(value: object) -> str:
    match value:
        case None:
            return ""
        case Enum():
            return str(value.value)
        case tuple():
            return ",".join(str(part) for part in value)
        case _:
            return str(value)
