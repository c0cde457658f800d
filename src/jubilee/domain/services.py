"""All that an entrypoint is given."""

from dataclasses import dataclass

from jubilee.domain.auth.service import AuthService
from jubilee.domain.birthdays import BirthdayService
from jubilee.domain.health import HealthService
from jubilee.domain.items import ItemService
from jubilee.domain.tasks.service import TaskService
from jubilee.domain.users import UserService


@dataclass(frozen=True, slots=True)
class Services:
    """Every use case of the service."""

    auth: AuthService
    users: UserService
    items: ItemService
    birthdays: BirthdayService
    tasks: TaskService
    health: HealthService
