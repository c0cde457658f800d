"""Accounts, their sessions and passwords."""

from pydantic import Field, PositiveInt, SecretStr

from jubilee.settings.group import SettingsGroup

SECRET_BYTES = 32
SECRET_VARIETY = 10  # different characters
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
    """How long people stay signed in, and how their passwords are kept."""

    secret_key: SecretStr | None = Field(None, description="signs tokens and cursors")
    access_token_expire_minutes: PositiveInt = Field(30, description="life of an access token")
    refresh_token_expire_days: PositiveInt = Field(30, description="life of an unused session")
    token_issuer: str = Field("jubilee", description="`iss` of access tokens")
    token_audience: str = Field("jubilee", description="`aud` of access tokens")
    password_min_length: int = Field(8, ge=8, le=128, description="code points")
    password_hash_memory_kib: int = Field(19_456, ge=8_192, description="Argon2id's memory")
    password_hash_time_cost: int = Field(2, ge=1, le=20, description="Argon2id's passes")
    password_hash_threads: int = Field(2, ge=1, le=64, description="hashes made at a time")


def check_secret_key(key: SecretStr | None, environment: str) -> None:
    """Raises ValueError for one that could be guessed."""
    secret = key.get_secret_value().strip() if key else ""
    if len(secret.encode()) < SECRET_BYTES or len(set(secret)) < SECRET_VARIETY:
        raise ValueError(
            f"SECRET_KEY needs {SECRET_BYTES} bytes and {SECRET_VARIETY} different characters"
            f" in {environment}"
        )
    if any(known in secret.lower() for known in KNOWN_SECRETS):
        raise ValueError("SECRET_KEY is one that everybody knows")
