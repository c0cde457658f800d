"""Error of a command that cannot be run."""


class CommandRefused(Exception):
    """The message is one line for standard error."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        """Set the exit code of the process."""
        super().__init__(message)
        self.exit_code = exit_code
