"""Settings of Redis or Valkey."""

from typing import Annotated
from urllib.parse import quote

from pydantic import AfterValidator, Field, PositiveFloat, SecretStr

from jubilee.settings.group import SettingsGroup
from jubilee.urls.redis import checked_redis_url


class RedisSettings(SettingsGroup):
    """Address of Redis; timeout of one command."""

    redis_url: Annotated[SecretStr, AfterValidator(checked_redis_url)] | None = Field(
        None,
        description="URL of Redis or Valkey: redis://, rediss://, unix:// or redis+sentinel://; "
        "takes precedence over the settings below",
    )
    redis_host: str | None = Field(None, description="host name of Redis")
    redis_port: int = Field(6379, ge=1, le=65535, description="port of Redis")
    redis_password: SecretStr | None = Field(None, description="password of Redis")
    redis_timeout: PositiveFloat = Field(
        0.2, description="seconds until a Redis command is abandoned"
    )

    @property
    def redis(self) -> str | None:
        """URL from REDIS_URL or its parts; None selects the embedded server."""
        if self.redis_url is not None:
            return self.redis_url.get_secret_value()
        if not self.redis_host:
            return None
        password = self.redis_password.get_secret_value() if self.redis_password else ""
        login = f":{quote(password, safe='')}@" if password else ""
        return f"redis://{login}{self.redis_host}:{self.redis_port}/0"
