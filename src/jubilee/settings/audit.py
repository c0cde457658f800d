"""Settings of the audit log."""

from pydantic import Field, PositiveInt

from jubilee.settings.group import SettingsGroup


class AuditSettings(SettingsGroup):
    """Retention of the audit log."""

    audit_retention_days: PositiveInt = Field(
        400, description="days until entries of the audit log are deleted"
    )
    audit_client_days: PositiveInt = Field(
        90,
        description="days until the client's address and user agent in an entry are erased,"
        " whether or not the account still exists",
    )
