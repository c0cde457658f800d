"""Build the services from ports and policy; nothing else constructs them."""

from jubilee.bootstrap.account_services import account_services
from jubilee.bootstrap.content_services import content_services
from jubilee.bootstrap.link_services import link_services
from jubilee.bootstrap.service_policy import Policy
from jubilee.bootstrap.service_ports import Ports
from jubilee.bootstrap.sign_in_services import sign_in_services
from jubilee.domain.audit.service import AuditService
from jubilee.domain.health import HealthService
from jubilee.domain.idempotency.service import IdempotencyService
from jubilee.domain.services import Services


def build_services(ports: Ports, policy: Policy) -> Services:
    """Build every service, area by area."""
    accounts = account_services(ports, policy)
    return Services(
        **vars(accounts),
        **vars(sign_in_services(ports, policy, accounts.users)),
        **vars(link_services(ports, policy)),
        **vars(content_services(ports, policy)),
        audit=AuditService(write=ports.write, read_list=ports.read_list),
        health=HealthService(
            schema=ports.read_schema, redis=ports.ping_redis, mail=policy.mail_configured
        ),
        idempotency=IdempotencyService(write=ports.write, read=ports.read, cipher=ports.cipher),
    )
