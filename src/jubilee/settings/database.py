"""Settings of PostgreSQL."""

from typing import Annotated, TypeAlias
from urllib.parse import quote

from pydantic import AfterValidator, AliasChoices, Field, PositiveFloat, PositiveInt, SecretStr

from jubilee.settings.group import SettingsGroup
from jubilee.urls.database import checked_database_url, checked_replica_url


def _postgres(name: str, old: str) -> AliasChoices:
    return AliasChoices(f"postgres_{name}", f"pg_{old}")


DatabaseUrl: TypeAlias = Annotated[SecretStr, AfterValidator(checked_database_url)]
ReplicaUrl: TypeAlias = Annotated[SecretStr, AfterValidator(checked_replica_url)]


class DatabaseSettings(SettingsGroup):
    """Address of PostgreSQL; pool size and timeout of one process."""

    database_url: DatabaseUrl | None = Field(
        None, description="URL of PostgreSQL; takes precedence over POSTGRES_*"
    )
    database_migration_url: DatabaseUrl | None = Field(
        None, description="URL for migrations, which need a session: past a connection pooler"
    )
    database_replica_url: ReplicaUrl | None = Field(
        None, description="URL of a streaming replica, one host, which serves lists and searches"
    )
    replica_max_lag: float = Field(
        5.0, ge=1, le=300, description="seconds by which the replica may lag"
    )
    postgres_server: str | None = Field(None, validation_alias=_postgres("server", "host"))
    postgres_port: int = Field(5432, ge=1, le=65535, validation_alias=_postgres("port", "port"))
    postgres_user: str | None = Field(None, validation_alias=_postgres("user", "user"))
    postgres_password: SecretStr | None = Field(
        None, validation_alias=_postgres("password", "password")
    )
    postgres_db: str | None = Field(None, validation_alias=_postgres("db", "db"))
    database_pool_size: PositiveInt = Field(
        15, description="largest number of connections of one process"
    )
    database_timeout: PositiveFloat = Field(
        2.5, description="seconds until a database operation is abandoned"
    )

    @property
    def postgres(self) -> str | None:
        """URL from DATABASE_URL or its parts; None selects the embedded server."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        if not (self.postgres_server or self.postgres_user or self.postgres_db):
            return None
        password = self.postgres_password.get_secret_value() if self.postgres_password else ""
        user = quote(self.postgres_user or "postgres", safe="")
        login = f"{user}:{quote(password, safe='')}" if password else user
        host, database = self.postgres_server or "localhost", self.postgres_db or "app"
        return f"postgresql://{login}@{host}:{self.postgres_port}/{quote(database, safe='')}"
