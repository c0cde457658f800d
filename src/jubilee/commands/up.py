"""`jubilee up`; imports nothing of the service, which runs in child processes."""

from argparse import Namespace

from jubilee.bootstrap.local_stack import local_stack
from jubilee.commands.reading import read_settings
from jubilee.entrypoints.local.supervisor import supervise


def up(_: Namespace) -> int:
    """Run the local stack until a signal."""
    return supervise(local_stack(read_settings()))
