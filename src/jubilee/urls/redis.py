"""URLs of Redis."""

from pydantic import SecretStr

from jubilee.urls.parts import split_checked

PARAMETERS = frozenset({"db", "password", "username"})


def checked_redis_url(url: SecretStr) -> SecretStr:
    """Return the URL unchanged if redis-py can use it; raises ValueError."""
    plain = url.get_secret_value()
    if plain.partition("://")[0] not in {"redis", "rediss", "unix"}:
        raise ValueError("it must begin with redis://, rediss:// or unix://")
    split_checked(plain, PARAMETERS)
    return url
