"""The mail sender of a service without a mail server."""

from jubilee.domain.errors import Unavailable
from jubilee.domain.mail import MailMessage, MailSender


class NoMailSender(MailSender):
    """Sends nothing: jobs that send mail wait until a server is configured."""

    async def send(self, message: MailMessage) -> None:
        raise Unavailable(f"mail is not configured: {message.message_id} waits")
