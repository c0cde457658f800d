"""The job kinds over the real adapters."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from jubilee.adapters.ids import new_id
from jubilee.adapters.telemetry.outbound_spans import TracedHttpSender
from jubilee.bootstrap.adapters import Adapters
from jubilee.bootstrap.greetings import greeting_mail
from jubilee.bootstrap.leaving import leaving_kinds
from jubilee.bootstrap.mail import mail_is_configured, mail_service
from jubilee.bootstrap.one_time import address_cipher, link_issuer, link_secrets
from jubilee.bootstrap.outbound import HttpSenderAtFirstUse
from jubilee.bootstrap.policy import email_policy
from jubilee.bootstrap.servers import clock
from jubilee.domain.account_email.registration import RegisterAccount
from jubilee.domain.account_email.requests import IssueLink
from jubilee.domain.invites.mail import InviteMail
from jubilee.domain.jobs.kinds import JobKind
from jubilee.domain.mail import SendMail, WelcomeMail
from jubilee.domain.mail_delivery import AccountMail
from jubilee.domain.outbound.address_policy import AllowedHost, OutboundRules
from jubilee.domain.outbound.sending import SendHttpRequest
from jubilee.domain.tasks.echo import Echo
from jubilee.domain.users.registration import RegistrationMail
from jubilee.settings import Settings

MakeKinds: TypeAlias = Callable[[Settings, Adapters], Sequence[JobKind[Any, Any]]]


def every_kind(settings: Settings, adapters: Adapters) -> Sequence[JobKind[Any, Any]]:
    """Build all kinds; the API validates payloads with them."""
    return _with_leaving(settings, adapters, *_own(settings, adapters), *_mail(settings, adapters))


def runnable_kinds(settings: Settings, adapters: Adapters) -> Sequence[JobKind[Any, Any]]:
    """Build the kinds that a worker can run: mail only if it is configured, else its jobs wait."""
    if mail_is_configured(settings):
        return every_kind(settings, adapters)
    return _with_leaving(settings, adapters, *_own(settings, adapters))


def _own(settings: Settings, adapters: Adapters) -> Sequence[JobKind[Any, Any]]:
    return (Echo(), _outbound(settings, adapters))


def _with_leaving(
    settings: Settings, adapters: Adapters, *others: JobKind[Any, Any]
) -> Sequence[JobKind[Any, Any]]:
    return (*others, *leaving_kinds(settings, adapters, others))


def _mail(settings: Settings, adapters: Adapters) -> Sequence[JobKind[Any, Any]]:
    mail = mail_service(settings, adapters.telemetry.tracing)
    return (
        SendMail(mail),
        WelcomeMail(mail, adapters.read),
        greeting_mail(settings, adapters, mail),
        InviteMail(mail, adapters.read, link_secrets(settings), clock),
        AccountMail(mail, adapters.read, link_secrets(settings), clock),
        IssueLink(link_issuer(settings), address_cipher(settings), new_id),
        RegisterAccount(
            RegistrationMail(link_issuer(settings), email_policy(settings), new_id),
            address_cipher(settings),
            clock,
            new_id,
            adapters.today_cache.forget,
        ),
    )


def _outbound(settings: Settings, adapters: Adapters) -> JobKind[Any, Any]:
    hosts = tuple(AllowedHost.parse(host) for host in settings.outbound_allowed_hosts)
    rules = OutboundRules(hosts, settings.outbound_allowed_networks)
    sender = TracedHttpSender(HttpSenderAtFirstUse(), adapters.telemetry.tracing)
    return SendHttpRequest(sender, rules)
