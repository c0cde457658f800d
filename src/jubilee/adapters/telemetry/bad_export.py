"""Why telemetry cannot be sent at all; apart, for commands that send none load nothing else."""


class BadExport(ValueError):
    """A variable asks for what this service cannot do; one line says which."""
