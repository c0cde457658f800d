"""Messages as they travel: MIME, with headers that nothing from outside can break out of."""

from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

import idna

from jubilee.domain.mail import Message, Undeliverable

# Bodies travel as plain ASCII, whatever the server can take.
PLAIN = policy.SMTP.clone(cte_type="7bit")
INTERNATIONAL = policy.SMTPUTF8.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class Composed:
    """What goes over the wire; `international` is whether the server must know SMTPUTF8."""

    recipient: str
    content: bytes
    international: bool


def parse_sender(text: str) -> Address:
    """From `jubilee@example.com` or `Jubilee <jubilee@example.com>`; raises ValueError."""
    name, written = parseaddr(text)
    address = _address(written, name)
    if not address.addr_spec.isascii():
        raise ValueError("the sender's address is plain ASCII")
    return address


def compose(message: Message, sender: Address, now: datetime) -> Composed:
    """Raises Undeliverable where the address or a header cannot be written."""
    try:
        return _composed(message, sender, now)
    except ValueError as error:
        reason = (str(error).splitlines() or ["it cannot be written"])[0]
        raise Undeliverable(f"no mail can be made of this: {reason}") from None


def _composed(message: Message, sender: Address, now: datetime) -> Composed:
    recipient = _address(message.to)
    international = not recipient.addr_spec.isascii()
    mail = EmailMessage(INTERNATIONAL if international else PLAIN)
    mail["From"] = sender
    mail["To"] = recipient
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message.message_id
    mail["Auto-Submitted"] = "auto-generated"  # no holiday notice comes back
    mail.set_content(message.text)
    if message.html is not None:
        mail.add_alternative(message.html, subtype="html")
    return Composed(recipient.addr_spec, mail.as_bytes(), international)


def _address(written: str, name: str = "") -> Address:
    """Domains are written in ASCII, whatever their letters; only what stands before may differ."""
    local, at, domain = written.rpartition("@")
    if not (local and at and domain and written.isprintable()) or " " in written:
        raise ValueError("it is not an e-mail address")
    ascii_domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    return Address(name, local, ascii_domain)
