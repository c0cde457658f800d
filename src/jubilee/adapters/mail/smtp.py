"""Mail by SMTP: a connection a message, bounded in time, encrypted as the URL asks for."""

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

CONNECT_TIMEOUT_S = 10.0  # seconds for the connection, its encryption and the login
TOTAL_TIMEOUT_S = 30.0  # seconds for one message
QUIT_TIMEOUT_S = 1.0  # seconds for a QUIT that changes nothing any more
MAX_REPLY_CHARS = 200  # characters of what the server says that are kept
PERMANENT = 500


class SmtpMailSender(MailSender):
    """Sends each message over a connection of its own: none goes stale."""

    def __init__(
        self,
        server: SmtpServer,
        sender: Address,
        clock: Clock,
        *,
        context: ssl.SSLContext | None = None,
        patience: float = TOTAL_TIMEOUT_S,
    ) -> None:
        """`context` says which certificates are trusted; `patience` seconds is for one message."""
        self._server = server
        self._sender = sender
        self._clock = clock
        self._context = context or ssl.create_default_context()
        self._patience = patience

    async def send(self, message: MailMessage) -> None:
        """Permanent refusals of the recipient or the message are Undeliverable."""
        composed = compose(message, self._sender, self._clock())
        deadline = asyncio.get_running_loop().time() + self._patience
        smtp = self._connection()
        try:
            async with asyncio.timeout_at(deadline):
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    await smtp.connect()
                await self._announce(smtp, composed)
            await _hand_over(smtp, composed.content, deadline)
            await _quit(smtp)
        except SMTPResponseException as error:
            raise _refusal(error) from None
        except (SMTPException, OSError) as error:
            raise Unavailable(f"the mail server does not answer: {_short(error)}") from error
        finally:
            smtp.close()

    async def _announce(self, smtp: SMTP, composed: ComposedMail) -> None:
        """Say who writes to whom."""
        if not composed.international:
            await smtp.mail(self._sender.addr_spec)
            await smtp.rcpt(composed.recipient)
            return
        if smtp.is_ehlo_or_helo_needed:
            await smtp.ehlo()
        if not smtp.supports_extension("smtputf8"):
            raise Undeliverable("the mail server takes no address with letters outside ASCII")
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
            timeout=self._patience,
            use_tls=server.tls,
            start_tls=server.starttls,
            tls_context=self._context,
        )


async def _hand_over(smtp: SMTP, content: bytes, deadline: float) -> None:
    """From here on, whoever hears nothing knows nothing."""
    try:
        async with asyncio.timeout_at(deadline):
            await smtp.data(content)
    except SMTPDataError:
        raise
    except (SMTPException, OSError) as error:
        raise OutcomeUnknown("the mail server fell silent at the end") from error


async def _quit(smtp: SMTP) -> None:
    with suppress(SMTPException, OSError):
        await smtp.quit(timeout=QUIT_TIMEOUT_S)


def _refusal(error: SMTPResponseException) -> Exception:
    """What concerns this message is final; a login or a sender can be put right meanwhile."""
    said = f"{error.code} {_short(error.message)}"
    about_it = isinstance(error, SMTPRecipientRefused | SMTPDataError)
    if about_it and error.code >= PERMANENT:
        return Undeliverable(f"the mail server refuses it: {said}")
    return Unavailable(f"the mail server refuses it for now: {said}")


def _short(said: object) -> str:
    return as_line(str(said), MAX_REPLY_CHARS) or type(said).__name__
