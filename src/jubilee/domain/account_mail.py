"""Enqueueing the service's mail to an account.

`await tx.jobs.add(account_mail(new_id(), user.id, MailTemplate.PASSWORD_CHANGED))` sends
`adapters/mail/templates/<template>.txt` and `.html` in the language of the account, once the
transaction has committed. A new mail is a member of MailTemplate, its two templates, whose texts
are in `{% trans %}`, and their German in `languages/de.po`.
"""

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

from jubilee.domain.identity import UserId
from jubilee.domain.jobs.queue import NewJob

ACCOUNT_MAIL = "email.account"


class MailTemplate(StrEnum):
    """The templates of account mails, by the names of their files."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105  # a template, not a password
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  # the same
    API_TOKEN_CREATED = "api_token_created"  # noqa: S105  # the same
    API_TOKEN_DELETED = "api_token_deleted"  # noqa: S105  # the same
    CHANGE_EMAIL = "change_email"
    EMAIL_CHANGED = "email_changed"
    EMAIL_RESTORED = "email_restored"
    ADDRESS_IN_USE = "address_in_use"
    NEW_DEVICE = "new_device"
    EXPORT_READY = "export_ready"
    DELETION_WAITS = "deletion_waits"
    FACTORS_CHANGED = "factors_changed"
    IDENTITIES_CHANGED = "identities_changed"
    FACTORS_RESET = "factors_reset"


def account_mail(
    job_id: UUID,
    user_id: UserId,
    template: MailTemplate,
    *,
    link_id: UUID | None = None,
    values: Mapping[str, str] | None = None,
) -> NewJob:
    """Return the job that mails an account.

    With a link the mail goes to its recipient and contains it, and is not sent once the link has
    ended; else it goes to the account's address. `values` are texts for the template, never
    secrets: they are stored until the account is deleted or the job has been pruned.
    """
    data: dict[str, object] = {"user_id": str(user_id), "template": template.value}
    if link_id is not None:
        data["link_id"] = str(link_id)
    if values:
        data["values"] = dict(values)
    return NewJob(id=job_id, kind=ACCOUNT_MAIL, data=data, owner_id=user_id)
