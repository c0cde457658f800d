"""How the interpreter looks for garbage in a process that runs for long."""

import gc

GC_THRESHOLDS = (50_000, 20, 50)  # objects until the youngest are looked at; and so on


def freeze_startup_objects() -> None:
    """Call once all is open: what is there stays, so no later search needs to walk through it.

    And searches come more seldom: nearly all that a request makes is freed without them. Together
    they cost a fifth of a request's CPU, and stop everything while they look.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
