"""The passwords that attackers try first, from the frequency lists of zxcvbn."""

from zxcvbn.frequency_lists import FREQUENCY_LISTS


def common_passwords() -> frozenset[str]:
    """Some ten thousand, in lower case."""
    return frozenset(FREQUENCY_LISTS["passwords"])
