"""Telling an account that it was signed in to from an address that it does not know.

The audit log remembers the addresses of sign-ins for `AUDIT_CLIENT_DAYS`.
"""

from datetime import timedelta
from uuid import UUID

from jubilee.domain.account_mail import MailTemplate, account_mail
from jubilee.domain.audit.entry import AuditEvent, AuditFilter, AuditReader
from jubilee.domain.auth.devices import device_name
from jubilee.domain.auth.sessions import Session
from jubilee.domain.ip_addresses import address_key
from jubilee.domain.jobs.queue import NewJob

MAX_SIGN_INS = 100
REMEMBERED = timedelta(days=90)
MAX_DEVICE_CHARS = 100


async def is_new_device(log: AuditReader, session: Session) -> bool:
    """Return whether the account has signed in before, but never from the session's address."""
    chosen = AuditFilter(
        event=AuditEvent.SIGN_IN,
        subject_id=session.user_id,
        since=session.created_at - REMEMBERED,
    )
    earlier = await log.addresses(chosen, limit=MAX_SIGN_INS)
    known = {address_key(address) for address in earlier - {None}}
    return bool(earlier) and address_key(session.client.ip) not in known


def new_device_mail(job_id: UUID, session: Session) -> NewJob:
    """Return the job that notifies the account of the session."""
    device = device_name(session.client.user_agent) or session.client.user_agent or "-"
    values = {
        "device": device[:MAX_DEVICE_CHARS],
        "address": session.client.ip or "-",
        "time": f"{session.created_at:%Y-%m-%d %H:%M}",
    }
    return account_mail(job_id, session.user_id, MailTemplate.NEW_DEVICE, values=values)
