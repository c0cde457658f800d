"""Limits on the number of values and the nesting depth of a JSON document.

They are checked on the bytes before parsing, by functions implemented in C, so that no body within
the size limit keeps the event loop busy.
"""

from itertools import accumulate

from jubilee.entrypoints.http.framework.problems import MalformedBody

MAX_VALUES = 10_000  # elements of lists and members of objects, in the whole document
MAX_DEPTH = 64  # levels of nesting
MAX_QUOTES = 4 * (MAX_VALUES + 1)  # a name and a string for every value
STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
CONTENT = bytes(set(range(256)) - STEPS.keys() - set(b'",'))


def check_bounds(raw: bytes) -> None:
    """Raise MalformedBody if the document exceeds a limit; malformed JSON may pass."""
    opened = raw.count(b"[") + raw.count(b"{")
    if opened <= MAX_DEPTH and opened + raw.count(b",") <= MAX_VALUES:
        return  # counts include characters in strings; nearly every body ends here
    structure = _structure(raw)
    if structure.count(b"[") + structure.count(b"{") + structure.count(b",") > MAX_VALUES:
        raise _too_many()
    # A well-formed document has no more brackets than these.
    brackets = structure.translate(None, b",")[: 2 * MAX_VALUES]
    if max(accumulate(map(STEPS.__getitem__, brackets)), default=0) > MAX_DEPTH:
        raise MalformedBody(f"The body nests deeper than {MAX_DEPTH} levels.")


def _structure(raw: bytes) -> bytes:
    """Return the brackets and commas of the document that are in no string."""
    unescaped = raw.replace(rb"\\", b"").replace(rb"\"", b"")
    if unescaped.count(b'"') > MAX_QUOTES:
        raise _too_many()
    return b"".join(unescaped.translate(None, CONTENT).split(b'"')[::2])


def _too_many() -> MalformedBody:
    return MalformedBody(f"The body has more than {MAX_VALUES} values.")
