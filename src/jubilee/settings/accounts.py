"""Settings of accounts and their sessions."""

from typing import Literal

from pydantic import Field, FilePath, PositiveInt, SecretStr

from jubilee.settings.group import SettingsGroup

SECRET_MIN_BYTES = 32
SECRET_MIN_DISTINCT_CHARS = 10
KNOWN_SECRETS = (
    "changeme",
    "change-me",
    "change-this",
    "your-s",
    "your_s",
    "secret-key",
    "default",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",  # of a known tutorial
)


class AccountSettings(SettingsGroup):
    """Keys; lifetimes of tokens and sessions."""

    secret_key: SecretStr | None = Field(
        None, description="signs tokens and cursors, seals stored answers and signing keys"
    )
    secret_key_previous: SecretStr | None = Field(
        None,
        description="other keys, between spaces, whose tokens, cursors and answers are accepted",
    )
    access_token_expire_minutes: PositiveInt = Field(
        30, description="minutes that an access token is valid"
    )
    refresh_token_expire_days: PositiveInt = Field(
        30, description="days until an unused session expires"
    )
    reauthentication_minutes: PositiveInt = Field(
        15,
        description="minutes after a sign-in or POST /auth/reauthenticate in which accounts may be"
        " deleted and their credentials changed",
    )
    api_token_default_days: PositiveInt = Field(
        90, description="days until a personal access token expires, unless it was created for less"
    )
    api_token_max_days: PositiveInt = Field(
        366, description="longest lifetime of a personal access token, in days"
    )
    api_tokens_per_account: PositiveInt = Field(
        50, description="personal access tokens of one account"
    )
    session_max_days: PositiveInt = Field(
        90, description="days until a session expires, used or not"
    )
    geoip_database: FilePath | None = Field(
        None,
        description="MMDB file of cities or countries, such as GeoLite2-City: lists of sessions"
        " then show the place of each address",
    )
    account_deletion_grace_days: int = Field(
        0, ge=0, le=365, description="days in which a deleted account can be restored by its user"
    )
    token_issuer: str = Field("jubilee", description="`iss` of access tokens")
    token_audience: str = Field("jubilee", description="`aud` of access tokens")
    token_algorithm: Literal["EdDSA", "ES256", "HS256"] = Field(
        "EdDSA",
        description="signs access tokens: EdDSA or ES256 (keys in PostgreSQL, whose public part"
        " is published), or HS256 (SECRET_KEY)",
    )
    token_key_days: PositiveInt = Field(
        90, description="days after which a new key signs access tokens; not for HS256"
    )
    email_verification: Literal["off", "optional", "required"] = Field(
        "off",
        description="whether registration mails a link that verifies the address, and whether"
        " sign-in needs that; off, optional or required",
    )
    registration_conflict: Literal["reveal", "hide"] = Field(
        "reveal",
        description="whether registration reveals that an address is taken (409), or answers 202"
        " and tells only its owner, by mail; reveal or hide",
    )

    @property
    def previous_secret_keys(self) -> tuple[SecretStr, ...]:
        """Keys that sign nothing any more, or nothing yet."""
        keys = self.secret_key_previous.get_secret_value() if self.secret_key_previous else ""
        return tuple(map(SecretStr, keys.split()))


def check_secret_key(name: str, key: SecretStr | None, environment: str) -> None:
    """Raise ValueError for a key that is short, repetitive or published."""
    secret = key.get_secret_value().strip() if key else ""
    if len(secret.encode()) < SECRET_MIN_BYTES or len(set(secret)) < SECRET_MIN_DISTINCT_CHARS:
        raise ValueError(
            f"{name} needs {SECRET_MIN_BYTES} bytes and {SECRET_MIN_DISTINCT_CHARS} different"
            f" characters in {environment}"
        )
    if any(known in secret.lower() for known in KNOWN_SECRETS):
        raise ValueError(f"{name} contains a published example or a placeholder")
