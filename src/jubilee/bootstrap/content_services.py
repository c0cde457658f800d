"""Build the services of items, birthdays, tasks and mails."""

from jubilee.bootstrap.service_policy import Policy
from jubilee.bootstrap.service_ports import Ports
from jubilee.domain.birthdays import BirthdayService
from jubilee.domain.items import ItemService
from jubilee.domain.jobs.waiter import JobWaiter
from jubilee.domain.own_mails import OwnMailService
from jubilee.domain.services import ContentServices
from jubilee.domain.tasks.service import TaskService


def content_services(ports: Ports, policy: Policy) -> ContentServices:
    """Build them for accounts and anonymous clients."""
    return ContentServices(
        items=_items(ports),
        birthdays=_birthdays(ports, policy),
        tasks=_tasks(ports, policy),
        own_mails=OwnMailService(ports.read_list),
    )


def _items(ports: Ports) -> ItemService:
    return ItemService(
        write=ports.write,
        read=ports.read,
        read_list=ports.read_list,
        clock=ports.clock,
        new_id=ports.new_id,
    )


def _birthdays(ports: Ports, policy: Policy) -> BirthdayService:
    return BirthdayService(
        write=ports.write,
        write_one=ports.write_one,
        read=ports.read,
        read_list=ports.read_list,
        cache=ports.today_cache,
        rules=policy.birthdays,
        clock=ports.clock,
        new_id=ports.new_id,
    )


def _tasks(ports: Ports, policy: Policy) -> TaskService:
    return TaskService(
        write=ports.write,
        write_one=ports.write_one,
        read=ports.read,
        read_list=ports.read_list,
        kinds=ports.job_kinds,
        waiter=JobWaiter(ports.live_jobs),
        clock=ports.clock,
        new_id=ports.new_id,
        max_live_per_owner=policy.max_live_tasks,
    )
