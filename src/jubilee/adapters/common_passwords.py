"""The most common passwords, from the frequency lists of zxcvbn (MIT licence).

Only its list is used: it is maintained there and updated with the package.
"""

from zxcvbn.frequency_lists import FREQUENCY_LISTS


def common_passwords() -> frozenset[str]:
    """About ten thousand passwords in lower case."""
    return frozenset(FREQUENCY_LISTS["passwords"])
