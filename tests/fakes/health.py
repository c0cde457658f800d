"""Dependencies that are always ready."""

from jubilee.domain.health import SchemaStatus


async def schema_is_current() -> SchemaStatus:
    return SchemaStatus.CURRENT


async def redis_answers() -> bool:
    return True
