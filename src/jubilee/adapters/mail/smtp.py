"""Mail by SMTP: a connection per message, bounded in time, encrypted as the URL says."""

import asyncio
import ssl
from contextlib import suppress
from email.headerregistry import Address

from aiosmtplib import SMTP, SMTPException, SMTPRecipientRefused, SMTPResponseException
from aiosmtplib.errors import SMTPDataError

from jubilee.adapters.mail.composing import ComposedMail, compose
from jubilee.domain.clock import Clock
from jubilee.domain.errors import Unavailable
from jubilee.domain.mail import MailMessage, MailSender, OutcomeUnknown, Undeliverable
from jubilee.domain.text import as_line
from jubilee.urls.smtp import SmtpServer

CONNECT_TIMEOUT_S = 10.0  # connection, TLS handshake and login
TOTAL_TIMEOUT_S = 30.0  # one message
QUIT_TIMEOUT_S = 1.0  # the message is already accepted
MAX_REPLY_CHARS = 200  # of a server's reply in errors
MIN_PERMANENT_CODE = 500


class SmtpMailSender(MailSender):
    """Sends each message over a new connection, as idle ones go stale."""

    def __init__(
        self,
        server: SmtpServer,
        sender: Address,
        clock: Clock,
        *,
        context: ssl.SSLContext | None = None,
        timeout: float = TOTAL_TIMEOUT_S,
    ) -> None:
        """`context` has the trusted certificates; `timeout` is for one message, in seconds."""
        self._server = server
        self._sender = sender
        self._clock = clock
        self._context = context or ssl.create_default_context()
        self._timeout = timeout

    async def send(self, message: MailMessage) -> None:
        """Send a message; raises Undeliverable if its recipient or content is refused for good."""
        composed = compose(message, self._sender, self._clock())
        deadline = asyncio.get_running_loop().time() + self._timeout
        smtp = self._connection()
        try:
            async with asyncio.timeout_at(deadline):
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    await smtp.connect()
                await self._send_envelope(smtp, composed)
            await _send_data(smtp, composed.content, deadline)
            await _quit(smtp)
        except SMTPResponseException as error:
            raise _refusal(error) from None
        except (SMTPException, OSError) as error:
            raise Unavailable(f"the mail server does not answer: {_short(error)}") from error
        finally:
            smtp.close()

    async def _send_envelope(self, smtp: SMTP, composed: ComposedMail) -> None:
        """Send MAIL FROM and RCPT TO."""
        if not composed.international:
            await smtp.mail(self._sender.addr_spec)
            await smtp.rcpt(composed.recipient)
            return
        if smtp.is_ehlo_or_helo_needed:
            await smtp.ehlo()
        if not smtp.supports_extension("smtputf8"):
            raise Undeliverable("the mail server accepts no address with letters outside ASCII")
        await smtp.mail(self._sender.addr_spec, options=["SMTPUTF8"])
        await smtp.rcpt(composed.recipient, encoding="utf-8")

    def _connection(self) -> SMTP:
        server = self._server
        return SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            local_hostname=self._sender.domain,
            timeout=self._timeout,
            use_tls=server.tls,
            start_tls=server.starttls,
            tls_context=self._context,
        )


async def _send_data(smtp: SMTP, content: bytes, deadline: float) -> None:
    """Send the content; without a reply it is unknown whether the server has accepted it."""
    try:
        async with asyncio.timeout_at(deadline):
            await smtp.data(content)
    except SMTPDataError:
        raise
    except (SMTPException, OSError) as error:
        raise OutcomeUnknown("the mail server did not confirm the message") from error


async def _quit(smtp: SMTP) -> None:
    with suppress(SMTPException, OSError):
        await smtp.quit(timeout=QUIT_TIMEOUT_S)


def _refusal(error: SMTPResponseException) -> Exception:
    """Map a refusal: permanent ones of recipient or content are final, others can be retried."""
    reply = f"{error.code} {_short(error.message)}"
    concerns_message = isinstance(error, SMTPRecipientRefused | SMTPDataError)
    if concerns_message and error.code >= MIN_PERMANENT_CODE:
        return Undeliverable(f"the mail server refuses the message: {reply}")
    return Unavailable(f"the mail server refuses the message for now: {reply}")


def _short(reply: object) -> str:
    return as_line(str(reply), MAX_REPLY_CHARS) or type(reply).__name__
