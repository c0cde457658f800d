"""How a command says that it cannot be run."""


class CommandRefused(Exception):
    """For a reason that fits a line."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        """`exit_code` is the process's."""
        super().__init__(message)
        self.exit_code = exit_code
