"""The most common passwords; `common_passwords.txt` names the source and licence of the list.

The list is a file of this package instead of a dependency: loading zxcvbn for one of its six lists
takes 65 ms at startup, and its estimator would take milliseconds of CPU for each password.
"""

from pathlib import Path

FILE = Path(__file__).with_name("common_passwords.txt")
END_OF_HEADER = "\n----\n"


def common_passwords() -> frozenset[str]:
    """Read about 11 600 passwords of eight characters or more, in lower case."""
    return frozenset(FILE.read_text("utf-8").partition(END_OF_HEADER)[2].split())
