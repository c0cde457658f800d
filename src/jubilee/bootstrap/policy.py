"""The services' policy, from the settings."""

from datetime import timedelta
from secrets import token_bytes

from jubilee.adapters.common_passwords import common_passwords
from jubilee.bootstrap.mail import mail_is_configured
from jubilee.bootstrap.services import Policy
from jubilee.domain.auth.service import RefreshPolicy
from jubilee.domain.birthday_rules import AnonymousPolicy, BirthdayRules
from jubilee.domain.calendar import LeapDayRule
from jubilee.domain.passwords import PasswordRules
from jubilee.settings import Settings

REFRESH_SECRET_BYTES = 32


def service_policy(settings: Settings, refresh_key: bytes, *previous_keys: bytes) -> Policy:
    """Read the rules from the settings; `refresh_key` signs refresh tokens."""
    return Policy(
        refresh=RefreshPolicy(
            key=refresh_key,
            previous_keys=previous_keys,
            idle=timedelta(days=settings.refresh_token_expire_days),
            make_secret=lambda: token_bytes(REFRESH_SECRET_BYTES),
        ),
        passwords=PasswordRules(settings.password_min_length, common_passwords()),
        birthdays=BirthdayRules(
            time_zone=settings.birthday_timezone,
            leap_day=LeapDayRule(settings.leap_day_rule),
            anonymous=AnonymousPolicy(settings.hello_anonymous),
            max_anonymous=settings.hello_max_anonymous,
        ),
        max_live_tasks=settings.tasks_live_per_user,
        mail_configured=mail_is_configured(settings),
    )
