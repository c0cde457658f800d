"""The use cases, as entrypoints get them."""

from dataclasses import dataclass

from jubilee.domain.audit.service import AuditService
from jubilee.domain.auth.proofs import ProofService
from jubilee.domain.auth.service import AuthService
from jubilee.domain.birthdays import BirthdayService
from jubilee.domain.health import HealthService
from jubilee.domain.idempotency.service import IdempotencyService
from jubilee.domain.items import ItemService
from jubilee.domain.signing_keys.service import SigningKeyService
from jubilee.domain.tasks.service import TaskService
from jubilee.domain.users.service import UserService


@dataclass(frozen=True, slots=True)
class Services:
    """All services of the domain."""

    auth: AuthService
    proofs: ProofService
    signing_keys: SigningKeyService
    users: UserService
    items: ItemService
    birthdays: BirthdayService
    tasks: TaskService
    audit: AuditService
    health: HealthService
    idempotency: IdempotencyService
