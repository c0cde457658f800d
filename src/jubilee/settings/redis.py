"""Redis or Valkey."""

from typing import Annotated
from urllib.parse import quote

from pydantic import AfterValidator, Field, PositiveFloat, SecretStr

from jubilee.settings.group import SettingsGroup
from jubilee.urls.redis import checked_redis_url


class RedisSettings(SettingsGroup):
    """Where Redis is, and how long a command may take."""

    redis_url: Annotated[SecretStr, AfterValidator(checked_redis_url)] | None = Field(
        None, description="Redis or Valkey; wins over the parts below"
    )
    redis_host: str | None = Field(None, description="its host name")
    redis_port: int = Field(6379, ge=1, le=65535, description="its port")
    redis_password: SecretStr | None = Field(None, description="its password")
    redis_timeout: PositiveFloat = Field(0.2, description="seconds one command may take")

    @property
    def redis(self) -> str | None:
        """Redis' URL, from REDIS_URL or from its parts; None means the embedded one."""
        if self.redis_url is not None:
            return self.redis_url.get_secret_value()
        if not self.redis_host:
            return None
        password = self.redis_password.get_secret_value() if self.redis_password else ""
        login = f":{quote(password, safe='')}@" if password else ""
        return f"redis://{login}{self.redis_host}:{self.redis_port}/0"
