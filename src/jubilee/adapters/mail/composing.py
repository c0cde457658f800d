"""Builds MIME messages; safe against header injection.

Headers are written here, from checked parts, and never by assigning texts to `EmailMessage`:
Python before 3.12.2 decodes encoded words (RFC 2047) in such texts, and writes their line breaks.
`headers.py` then checks the result.
"""

from collections.abc import Mapping
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

# Bodies are plain ASCII, so that the server needs no 8BITMIME.
BODY = policy.SMTP.clone(cte_type="7bit")
MAX_PLAIN_LINE_CHARS = 76  # longer lines are folded
CRLF = "\r\n"
ONE_CLICK = "List-Unsubscribe=One-Click"


@dataclass(frozen=True, slots=True)
class ComposedMail:
    """A complete message; `international` if the server must support SMTPUTF8."""

    recipient: str
    content: bytes
    international: bool


def parse_sender(text: str) -> Address:
    """Parse `jubilee@example.com` or `Jubilee <jubilee@example.com>`; raises ValueError."""
    name, written = sender_parts(text)
    return _address(written, name)


def compose(message: MailMessage, sender: Address, now: datetime) -> ComposedMail:
    """Build the message; raises Undeliverable if that fails, as it would at every attempt."""
    try:
        return _composed(message, sender, now)
    except ValueError as error:
        reason = (str(error).splitlines() or ["it cannot be written"])[0]
    except Exception as error:  # an error of a library: every attempt would raise it
        reason = type(error).__name__
    raise Undeliverable(f"the message cannot be built: {reason}")


def _composed(message: MailMessage, sender: Address, now: datetime) -> ComposedMail:
    recipient = _address(message.to)
    headers = {
        "From": _mailbox(sender),
        "To": recipient.addr_spec,
        "Subject": _subject(message.subject),
        "Date": format_datetime(now),
        "Message-ID": message.message_id,
        "Auto-Submitted": "auto-generated",  # suppresses out-of-office replies
        **_unsubscribing(message.unsubscribe_url),
    }
    head = "".join(f"{name}: {value}{CRLF}" for name, value in headers.items())
    content = head.encode() + _body(message).as_bytes()
    check_written(content, message, sender, recipient)
    return ComposedMail(recipient.addr_spec, content, not recipient.addr_spec.isascii())


def _unsubscribing(url: str) -> Mapping[str, str]:
    """Return the headers by which mail programs unsubscribe with one click (RFC 8058)."""
    if not url.startswith("https://"):
        return {}
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": ONE_CLICK}


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
    fits = text.isascii() and len(text) < MAX_PLAIN_LINE_CHARS and text == text.strip()
    return text if fits else _encoded_words(text)


def _encoded_words(text: str) -> str:
    """Encode by RFC 2047: one encoded word a line, none cut within a character."""
    return Header(text, "utf-8", header_name="Subject").encode(linesep=CRLF)


def _address(written: str, name: str = "") -> Address:
    """Parse an address; its domain is converted to ASCII, the local part is kept."""
    if not is_mail_address(written):
        raise ValueError("not an e-mail address")
    local, _, domain = written.rpartition("@")
    ascii_domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    address = Address(name, local, ascii_domain)
    if not is_mail_address(address.addr_spec):
        raise ValueError("not an e-mail address with its domain in ASCII")
    return address
