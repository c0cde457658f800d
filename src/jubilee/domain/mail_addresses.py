"""E-mail addresses: one rule for every place that takes one or writes one."""

import re
from email.utils import parseaddr

from jubilee.domain.text import ENCODED_WORD, line_fault

LONGEST_ADDRESS = 254  # characters
LONGEST_LOCAL_PART_BYTES = 64  # RFC 5321, 4.5.3.1.1
WORD = r'[^\s"(),.:;<>@\[\\\]]+'
LABEL = r"(?![-_])[A-Za-z0-9_\x80-\U0010ffff-]+(?<![-_])"  # IDNA judges what is not ASCII
ADDRESS = re.compile(rf"{WORD}(?:\.{WORD})*@{LABEL}(?:\.{LABEL})*")


def is_mail_address(text: str) -> bool:
    """Whether it is one plain address, without a name, quotes, comments or encoded words.

    `=?` is refused: mail programs, and Python before 3.12.2, decode what follows.
    """
    if len(text) > LONGEST_ADDRESS or ENCODED_WORD in text or not text.isprintable():
        return False
    local, _, _ = text.rpartition("@")
    # Half a character counts here; it is not printable, and was refused above.
    return ADDRESS.fullmatch(text) is not None and len(local.encode()) <= LONGEST_LOCAL_PART_BYTES


def sender_parts(text: str) -> tuple[str, str]:
    """The name and the ASCII address of `Jubilee <jubilee@example.com>`; raises ValueError."""
    name, address = parseaddr(text)
    one_line = ENCODED_WORD not in text and line_fault(text) is None
    if not (one_line and is_mail_address(address) and address.isascii()):
        raise ValueError("it is a plain ASCII e-mail address, or a name and <an address>")
    return name, address
