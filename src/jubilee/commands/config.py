"""`jubilee config`."""

import sys
from argparse import Namespace

from jubilee.commands.reading import read_settings
from jubilee.settings.sources import sources, telemetry_variables
from jubilee.settings.variables import read_variables


def config(_: Namespace) -> int:
    """Print each setting and OTEL_ variable with its origin; secrets are masked."""
    settings, variables = read_settings(), read_variables()
    origins = sources(variables)
    rows = [(name, value, origins[name]) for name, value in settings.masked().items()]
    rows += [(name, *found) for name, found in telemetry_variables(variables).items()]
    for name, value, origin in rows:
        sys.stdout.write(f"{name}={value}  # {origin}\n")
    return 0
