"""Messages as they travel: MIME, with headers that nothing from outside can break out of.

The headers are written here, from checked parts, and never by assigning texts to `EmailMessage`:
Python before 3.12.2 decodes encoded words (RFC 2047) in what it is given, and writes their line
breaks. `headers.py` then reads what was written.
"""

from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, formataddr

import idna

from jubilee.adapters.mail.headers import check_written
from jubilee.domain.mail import MailMessage, Undeliverable
from jubilee.domain.mail_addresses import is_mail_address, sender_parts
from jubilee.domain.text import ENCODED_WORD, line_fault

# Bodies travel as plain ASCII, whatever the server can take.
BODY = policy.SMTP.clone(cte_type="7bit")
LONGEST_PLAIN_LINE = 76  # characters that need no folding
CRLF = "\r\n"


@dataclass(frozen=True, slots=True)
class ComposedMail:
    """What goes over the wire; `international` is whether the server must know SMTPUTF8."""

    recipient: str
    content: bytes
    international: bool


def parse_sender(text: str) -> Address:
    """From `jubilee@example.com` or `Jubilee <jubilee@example.com>`; raises ValueError."""
    name, written = sender_parts(text)
    return _address(written, name)


def compose(message: MailMessage, sender: Address, now: datetime) -> ComposedMail:
    """Raises Undeliverable where the message cannot be written: it could not be next time."""
    try:
        return _composed(message, sender, now)
    except ValueError as error:
        reason = (str(error).splitlines() or ["it cannot be written"])[0]
    except Exception as error:  # a library's own: it fails alike at every attempt
        reason = type(error).__name__
    raise Undeliverable(f"no mail can be made of this: {reason}")


def _composed(message: MailMessage, sender: Address, now: datetime) -> ComposedMail:
    recipient = _address(message.to)
    headers = {
        "From": _mailbox(sender),
        "To": recipient.addr_spec,
        "Subject": _subject(message.subject),
        "Date": format_datetime(now),
        "Message-ID": message.message_id,
        "Auto-Submitted": "auto-generated",  # no holiday notice comes back
    }
    head = "".join(f"{name}: {value}{CRLF}" for name, value in headers.items())
    content = head.encode() + _body(message).as_bytes()
    check_written(content, message, sender, recipient)
    return ComposedMail(recipient.addr_spec, content, not recipient.addr_spec.isascii())


def _body(message: MailMessage) -> EmailMessage:
    body = EmailMessage(BODY)
    body.set_content(message.text)
    if message.html is not None:
        body.add_alternative(message.html, subtype="html")
    return body


def _mailbox(sender: Address) -> str:
    name = sender.display_name
    if name.isascii():
        return formataddr((name, sender.addr_spec))
    return f"{_encoded_words(name)} <{sender.addr_spec}>"


def _subject(text: str) -> str:
    if ENCODED_WORD in text or line_fault(text):
        raise ValueError("the subject is not one line of printable characters")
    fits = text.isascii() and len(text) < LONGEST_PLAIN_LINE and text == text.strip()
    return text if fits else _encoded_words(text)


def _encoded_words(text: str) -> str:
    """As RFC 2047 has it, none cut within a character, each on a line of its own."""
    return Header(text, "utf-8", header_name="Subject").encode(linesep=CRLF)


def _address(written: str, name: str = "") -> Address:
    """Domains are written in ASCII, whatever their letters; only what stands before may differ."""
    if not is_mail_address(written):
        raise ValueError("it is not an e-mail address")
    local, _, domain = written.rpartition("@")
    ascii_domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    address = Address(name, local, ascii_domain)
    if not is_mail_address(address.addr_spec):
        raise ValueError("it is not an e-mail address once its domain is ASCII")
    return address
