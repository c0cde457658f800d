"""The process: where it runs, what it logs, where it listens."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from jubilee.settings.group import SettingsGroup


class Environment(StrEnum):
    """Where the service runs; everything but development needs secrets of its own."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


def _environment(value: object) -> object:
    short = {"dev": "development", "local": "development", "stage": "staging", "prod": "production"}
    return short.get(str(value).lower(), str(value).lower())


class ServerSettings(SettingsGroup):
    """Where the service runs, what it logs, where it listens and keeps its files."""

    environment: Annotated[Environment, BeforeValidator(_environment)] = Field(
        Environment.DEVELOPMENT, description="development, staging or production"
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(lambda v: str(v).upper())
    ] = Field("INFO", description="the least grave lines that are logged")
    log_format: Literal["json", "text"] | None = Field(
        None, description="lines for machines or for people; by ENVIRONMENT where not set"
    )
    host: str = Field("127.0.0.1", description="the address that the API listens on")
    port: int = Field(8000, ge=1, le=65535, description="the port that the API listens on")
    data_dir: Path = Field(Path(".data"), description="where embedded servers and secrets live")
