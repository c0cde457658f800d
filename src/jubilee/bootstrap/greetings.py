"""Birthday greetings over the real adapters."""

from jubilee.adapters.ids import new_id
from jubilee.bootstrap.adapters import Adapters
from jubilee.bootstrap.one_time import opt_out_tokens
from jubilee.bootstrap.servers import clock
from jubilee.domain.calendar import LeapDayRule
from jubilee.domain.greetings.greeting import GreetingRules, UnknownOutcomePolicy
from jubilee.domain.greetings.planning import GreetingPlanner
from jubilee.domain.greetings.sending import GreetingMail
from jubilee.domain.mail import MailService
from jubilee.settings import Settings


def greeting_mail(settings: Settings, adapters: Adapters, mail: MailService) -> GreetingMail:
    """Build the job kind that sends one greeting."""
    return GreetingMail(
        mail=mail,
        write=adapters.write,
        rules=_rules(settings),
        opt_out=opt_out_tokens(settings),
        clock=clock,
    )


def greeting_planner(settings: Settings, adapters: Adapters) -> GreetingPlanner:
    """Build the planner; only workers that can send mail run it, as a late greeting is not sent."""
    return GreetingPlanner(
        write=adapters.write,
        read=adapters.read,
        rules=_rules(settings),
        clock=clock,
        new_id=new_id,
    )


def _rules(settings: Settings) -> GreetingRules:
    return GreetingRules(
        default_zone=settings.birthday_timezone,
        leap_day=LeapDayRule(settings.leap_day_rule),
        hour=settings.greeting_hour,
        on_unknown=UnknownOutcomePolicy(settings.greeting_on_unknown),
    )
