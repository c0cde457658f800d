"""`jubilee up`; it loads nothing of the service, which its children run."""

from argparse import Namespace

from jubilee.bootstrap.local_stack import local_stack
from jubilee.commands.reading import read_settings
from jubilee.entrypoints.local.supervisor import supervise


def up(_: Namespace) -> int:
    """Run it all, until a signal."""
    return supervise(local_stack(read_settings()))
