"""Settings of a process: environment, logging, listening address."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from jubilee.settings.group import SettingsGroup

MAX_PROCESSES = 256  # of one API or worker


class Environment(StrEnum):
    """Kind of deployment; all but development require a SECRET_KEY."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


def _environment(value: object) -> object:
    short = {"dev": "development", "local": "development", "stage": "staging", "prod": "production"}
    return short.get(str(value).lower(), str(value).lower())


class ServerSettings(SettingsGroup):
    """Environment, logging, listening address, data folder."""

    environment: Annotated[Environment, BeforeValidator(_environment)] = Field(
        Environment.DEVELOPMENT, description="development, staging or production"
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(lambda v: str(v).upper())
    ] = Field("INFO", description="lowest level that is logged")
    log_format: Literal["json", "text"] | None = Field(
        None, description="json or text; by default text in development, else json"
    )
    host: str = Field("127.0.0.1", description="address that the API listens on")
    port: int = Field(8000, ge=1, le=65535, description="port that the API listens on")
    web_concurrency: int = Field(
        1, ge=1, le=MAX_PROCESSES, description="processes of one API, which share its port"
    )
    data_dir: Path = Field(
        Path(".data"), description="folder of embedded servers, generated secrets and logs"
    )
