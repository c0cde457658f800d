"""A strict check of composed messages, independent of the code that wrote them."""

import re
from base64 import b64decode
from email.headerregistry import Address
from quopri import decodestring

from jubilee.domain.mail import MailMessage

MAX_LINE_BYTES = 998  # RFC 5322, 2.1.1; without its CRLF
BLANK_LINE = b"\r\n\r\n"
FOLD = re.compile(rb"\r\n(?=[ \t])")
FIELD = re.compile(rb"([A-Za-z][A-Za-z-]*): (\S(?:[^\x00-\x1f\x7f]*\S)?)")
BARE_BREAK = re.compile(rb"\r(?!\n)|(?<!\r)\n")
BETWEEN_WORDS = re.compile(r"(?<=\?=)[ \t]+(?==\?utf-8\?)")
ENCODED = re.compile(r"=\?utf-8\?([bq])\?([!->@-~]*)\?=")
MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
OWN = ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted")
OF_A_TEXT = {*OWN, "Content-Type", "Content-Transfer-Encoding", "MIME-Version"}
OF_A_LIST = {"List-Unsubscribe", "List-Unsubscribe-Post"}
OF_TWO_PARTS = {*OWN, "Content-Type", "MIME-Version"}


def check_written(
    content: bytes, message: MailMessage, sender: Address, recipient: Address
) -> None:
    """Check that the headers are exactly the intended ones, each once; raises ValueError.

    There is one From, one To with one address, no Cc, Bcc or Reply-To, and no bare CR or LF, which
    a mail server might take for the end of the message.
    """
    head, blank, _ = content.partition(BLANK_LINE)
    _require(bool(blank) and not BARE_BREAK.search(content), "a line does not end with CRLF")
    lines = content.split(b"\r\n")
    _require(max(map(len, lines)) <= MAX_LINE_BYTES, "a line is longer than 998 bytes")
    fields = _fields(head)
    wanted = OF_A_TEXT if message.html is None else OF_TWO_PARTS
    listed = fields.get("List-Unsubscribe")
    _require(fields.keys() - OF_A_LIST == wanted, "the headers are not the intended ones")
    _require(listed in {None, f"<{message.unsubscribe_url}>"}, "List-Unsubscribe is another one")
    _require(fields["To"] == recipient.addr_spec, "To is not the recipient")
    _require(_decoded(fields["From"]) in _spellings(sender), "From is not the sender")
    _require(_decoded(fields["Subject"]) == message.subject, "Subject is not the intended one")
    same_id = fields["Message-ID"] == message.message_id
    _require(same_id and MESSAGE_ID.fullmatch(message.message_id), "Message-ID is malformed")


def _fields(head: bytes) -> dict[str, str]:
    """Parse the headers by name, unfolded."""
    fields: dict[str, str] = {}
    for line in FOLD.sub(b"", head).split(b"\r\n"):
        field = FIELD.fullmatch(line)
        if field is None:
            raise ValueError("a line of the head is not a header")
        name, value = field.group(1).decode(), field.group(2).decode()
        _require(name not in fields, "a header is duplicate")
        fields[name] = value
    return fields


def _decoded(value: str) -> str:
    return ENCODED.sub(_word, BETWEEN_WORDS.sub("", value))


def _word(word: re.Match[str]) -> str:
    encoding, encoded = word.groups()
    raw = b64decode(encoded) if encoding == "b" else decodestring(encoded.encode(), header=True)
    return raw.decode()


def _spellings(sender: Address) -> set[str]:
    """The accepted forms of a decoded From header: without name, plain or quoted."""
    name, address = sender.display_name, sender.addr_spec
    quoted = re.sub(r'(["\\])', r"\\\1", name)
    return {f"{name} <{address}>", f'"{quoted}" <{address}>'} if name else {address}


def _require(condition: object, reason: str) -> None:
    if not condition:
        raise ValueError(reason)
