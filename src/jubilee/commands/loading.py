"""Import of commands by name: most need not load the whole service."""

import gc
from collections.abc import Callable
from importlib import import_module


def load_command(module: str, name: str) -> Callable[..., int]:
    """Return the function `name` of a module in this package."""
    gc.disable()  # imported modules stay: looking for garbage among them takes a tenth of the time
    try:
        run: Callable[..., int] = getattr(import_module(f"jubilee.commands.{module}"), name)
    finally:
        gc.enable()
    return run
