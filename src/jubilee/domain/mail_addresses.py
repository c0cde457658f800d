"""E-mail addresses: the one rule for input and for sending."""

import re
from email.utils import parseaddr

from jubilee.domain.text import ENCODED_WORD, line_fault

MAX_ADDRESS_CHARS = 254
MAX_LOCAL_PART_BYTES = 64  # RFC 5321, 4.5.3.1.1
WORD = r'[^\s"(),.:;<>@\[\\\]]+'
LABEL = r"(?![-_])[A-Za-z0-9_\x80-\U0010ffff-]+(?<![-_])"  # IDNA checks non-ASCII labels
ADDRESS = re.compile(rf"{WORD}(?:\.{WORD})*@{LABEL}(?:\.{LABEL})*")
INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks without a glyph: two addresses would look alike. `isprintable` accepts them."""


def is_mail_address(text: str) -> bool:
    """Return whether it is one plain address: no name, quotes, comments or encoded words.

    `=?` is refused: mail programs, and Python before 3.12.2, decode the text after it. So is the
    domain `.invalid`, which service accounts have.
    """
    if len(text) > MAX_ADDRESS_CHARS or ENCODED_WORD in text or not text.isprintable():
        return False
    if text.lower().endswith(".invalid") or INVISIBLE.search(text):
        return False
    local, _, _ = text.rpartition("@")
    # Unpaired surrogates cannot occur: they are not printable.
    return ADDRESS.fullmatch(text) is not None and len(local.encode()) <= MAX_LOCAL_PART_BYTES


def sender_parts(text: str) -> tuple[str, str]:
    """Split `Jubilee <jubilee@example.com>` into name and ASCII address; raise ValueError."""
    name, address = parseaddr(text)
    one_line = ENCODED_WORD not in text and line_fault(text) is None
    if not (one_line and is_mail_address(address) and address.isascii()):
        raise ValueError("must be a plain ASCII e-mail address, or a name and <an address>")
    return name, address
