"""Mail over the real adapters: sent by SMTP, written as files, or not configured."""

import logging
from email.headerregistry import Address

from jubilee.adapters.mail.composing import parse_sender
from jubilee.adapters.mail.eml import EmlMailSender
from jubilee.adapters.mail.none import NoMailSender
from jubilee.adapters.mail.smtp import SmtpMailSender
from jubilee.adapters.mail.templates import JinjaTemplates
from jubilee.adapters.telemetry.outbound_spans import TracedMailSender
from jubilee.adapters.telemetry.tracing import Tracing
from jubilee.bootstrap.servers import clock
from jubilee.domain.mail import MailSender, MailService
from jubilee.settings import Settings
from jubilee.urls.parts import server_attributes
from jubilee.urls.smtp import SmtpServer

logger = logging.getLogger(__name__)


def mail_is_configured(settings: Settings) -> bool:
    """Whether workers can send mail; if not, mail jobs wait."""
    return settings.smtp_url is not None or settings.mail_dir is not None


def warn_without_mail(settings: Settings) -> None:
    """Log that mail jobs wait, where they do."""
    if not mail_is_configured(settings):
        logger.warning("mail is not configured: mail jobs wait until SMTP_URL is set")


def make_mail_dir(settings: Settings) -> None:
    """Create MAIL_DIR if mail is written there: a worker fails at startup, not at its first mail.

    Raises OSError.
    """
    if settings.smtp_url is None and settings.mail_dir is not None:
        settings.mail_dir.mkdir(parents=True, exist_ok=True, mode=0o700)


def mail_service(settings: Settings, tracing: Tracing) -> MailService:
    """Build the service that the mail job kinds use."""
    sender = parse_sender(settings.mail_from)
    url = settings.smtp_url.get_secret_value() if settings.smtp_url else None
    mail_sender = TracedMailSender(
        _mail_sender(settings, sender), tracing, server_attributes(url) if url else {}
    )
    public_url = settings.public_url or ""
    return MailService(mail_sender, JinjaTemplates(public_url), sender.domain, public_url)


def _mail_sender(settings: Settings, sender: Address) -> MailSender:
    if settings.smtp_url is not None:
        server = SmtpServer.parse(settings.smtp_url.get_secret_value())
        return SmtpMailSender(server, sender, clock)
    if settings.mail_dir is not None:
        return EmlMailSender(settings.mail_dir, sender, clock)
    return NoMailSender()
