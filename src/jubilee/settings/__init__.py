"""Settings, read once from the environment and `.env`; validated and immutable."""

from jubilee.settings.all import Settings
from jubilee.settings.server import Environment
from jubilee.settings.telemetry import export_variables

__all__ = ["Environment", "Settings", "export_variables"]
