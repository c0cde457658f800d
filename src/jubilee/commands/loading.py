"""Import of commands by name: most need not load the whole service."""

import gc
import os
from collections.abc import Callable
from importlib import import_module


def load_command(module: str, name: str) -> Callable[..., int]:
    """Return the function `name` of a module in this package.

    What is imported stays: looking for garbage among it, now or later, takes a tenth of the time.
    """
    # Pydantic looks for plugins in the metadata of every installed package; there are none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.disable()
    try:
        run: Callable[..., int] = getattr(import_module(f"jubilee.commands.{module}"), name)
    finally:
        gc.freeze()
        gc.enable()
    return run
