"""`jubilee up`; it loads nothing of the service, which its children run."""

from argparse import Namespace

from jubilee.commands.reading import read_settings
from jubilee.entrypoints.supervisor import supervise
from jubilee.household import household


def up(_: Namespace) -> int:
    """Run it all, until a signal."""
    return supervise(household(read_settings()))
