"""The services' policy, from the settings."""

from datetime import timedelta
from secrets import token_bytes

from jubilee.adapters.common_passwords import common_passwords
from jubilee.bootstrap.identities import flow_rules
from jubilee.bootstrap.mail import mail_is_configured
from jubilee.bootstrap.servers import signing_keys
from jubilee.bootstrap.service_policy import Policy
from jubilee.bootstrap.signing_keys import key_policy
from jubilee.domain.api_tokens.service import ApiTokenRules
from jubilee.domain.api_tokens.text import SECRET_BYTES
from jubilee.domain.auth.opening import RefreshPolicy
from jubilee.domain.birthday_rules import AnonymousPolicy, BirthdayRules
from jubilee.domain.breaches import BreachCheck
from jubilee.domain.calendar import LeapDayRule
from jubilee.domain.factors.factor import MfaRequirement
from jubilee.domain.passwords import PRODUCT, PasswordRules
from jubilee.domain.users.user import EmailPolicy, EmailVerification
from jubilee.settings import Settings
from jubilee.urls.public import host_of

REFRESH_SECRET_BYTES = 32


def service_policy(
    settings: Settings, breaches: BreachCheck | None, refresh_key: bytes, *previous_keys: bytes
) -> Policy:
    """Read the rules from the settings; `refresh_key` signs refresh tokens."""
    return Policy(
        refresh=RefreshPolicy(
            key=refresh_key,
            previous_keys=previous_keys,
            idle=timedelta(days=settings.refresh_token_expire_days),
            make_secret=lambda: token_bytes(REFRESH_SECRET_BYTES),
            longest=timedelta(days=settings.session_max_days),
        ),
        api_tokens=_api_token_rules(settings),
        passwords=_password_rules(settings, breaches),
        birthdays=BirthdayRules(
            time_zone=settings.birthday_timezone,
            leap_day=LeapDayRule(settings.leap_day_rule),
            anonymous=AnonymousPolicy(settings.hello_anonymous),
            max_anonymous=settings.hello_max_anonymous,
        ),
        max_live_tasks=settings.tasks_live_per_user,
        mfa_requirement=MfaRequirement(settings.mfa_required),
        challenge_keys=tuple(keys.passkeys for keys in signing_keys(settings)),
        mail_configured=mail_is_configured(settings),
        proof_window=timedelta(minutes=settings.reauthentication_minutes),
        keys=key_policy(settings),
        email=email_policy(settings),
        deletion_grace=timedelta(days=settings.account_deletion_grace_days),
        flow=flow_rules(settings),
    )


def _password_rules(settings: Settings, breaches: BreachCheck | None) -> PasswordRules:
    return PasswordRules(
        settings.password_min_length,
        common_passwords(),
        service_names=(PRODUCT, host_of(settings.public_url or "")),
        breaches=breaches,
    )


def email_policy(settings: Settings) -> EmailPolicy:
    """Read the policy for e-mail addresses from the settings."""
    return EmailPolicy(
        EmailVerification(settings.email_verification),
        hides_accounts=settings.registration_conflict == "hide",
    )


def _api_token_rules(settings: Settings) -> ApiTokenRules:
    longest = timedelta(days=settings.api_token_max_days)
    return ApiTokenRules(
        default_lifetime=min(timedelta(days=settings.api_token_default_days), longest),
        max_lifetime=longest,
        max_per_account=settings.api_tokens_per_account,
        make_secret=lambda: token_bytes(SECRET_BYTES),
    )
