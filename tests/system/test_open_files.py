"""Raising the limit of open files, in a process of its own."""

import subprocess
import sys

import pytest

from jubilee.bootstrap.open_files import OTHER_OPEN_FILES
from jubilee.entrypoints.http.connections.limits import RESERVED_CONNECTIONS, ConnectionLimits

PROGRAM = """
import resource, sys
from jubilee.bootstrap.open_files import allow_connections
soft, hard, count = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
allow_connections(count)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def allowed(soft: int, hard: int, connections: int) -> tuple[int, str]:
    """Return the limit afterwards and the output."""
    arguments = (str(soft), str(hard), str(connections))
    done = subprocess.run(
        (sys.executable, "-c", PROGRAM, *arguments), capture_output=True, text=True, check=True
    )
    return int(done.stdout), done.stderr


def test_the_limit_is_raised_to_the_number_of_connections() -> None:
    assert allowed(256, 4000, 900) == (900 + OTHER_OPEN_FILES, "")


def test_a_sufficient_limit_is_kept() -> None:
    assert allowed(3000, 4000, 900) == (3000, "")


@pytest.mark.parametrize("soft", [128, 256])
def test_a_limit_that_cannot_be_raised_is_reported(soft: int) -> None:
    limit, said = allowed(soft, 256, 900)
    assert (limit, said) == (256, "too few open files are allowed for MAX_CONNECTIONS\n")


def test_the_default_fits_the_usual_limit() -> None:
    assert ConnectionLimits().connections + RESERVED_CONNECTIONS + OTHER_OPEN_FILES <= 1024
