"""Build the services of accounts, their tokens and their data."""

from datetime import timedelta

from jubilee.bootstrap.link_services import build_issuer, build_prover
from jubilee.bootstrap.service_policy import Policy
from jubilee.bootstrap.service_ports import Ports
from jubilee.domain.api_tokens.service import ApiTokenService
from jubilee.domain.calendar import Calendar
from jubilee.domain.leaving.archive import Archiver
from jubilee.domain.leaving.export import ExportService
from jubilee.domain.service_accounts.grants import ClientGrants
from jubilee.domain.service_accounts.service import ServiceAccountService
from jubilee.domain.users.registration import RegistrationMail
from jubilee.domain.users.service import UserService


def build_users(ports: Ports, policy: Policy) -> UserService:
    """Build the service of users."""
    return UserService(
        write=ports.write,
        read=ports.read,
        read_list=ports.read_list,
        hasher=ports.hasher,
        guard=ports.guard,
        rules=policy.passwords,
        clock=ports.clock,
        new_id=ports.new_id,
        calendar=Calendar(ports.clock, policy.birthdays.time_zone),
        mail=RegistrationMail(build_issuer(ports), policy.email, ports.new_id),
        birthdays_changed=ports.today_cache.forget,
    )


def build_api_tokens(ports: Ports, policy: Policy) -> ApiTokenService:
    """Build the service of API tokens."""
    return ApiTokenService(
        write=ports.write,
        read=ports.read,
        rules=policy.api_tokens,
        clock=ports.clock,
        new_id=ports.new_id,
        note_use=ports.note_token_use,
    )


def build_service_accounts(
    ports: Ports, users: UserService, tokens: ApiTokenService
) -> ServiceAccountService:
    """Build the service of service accounts."""
    return ServiceAccountService(
        write=ports.write,
        read=ports.read,
        users=users,
        tokens=tokens,
        clock=ports.clock,
        new_id=ports.new_id,
    )


def build_client_grants(ports: Ports, tokens: ApiTokenService) -> ClientGrants:
    """Build the grants of client credentials."""
    return ClientGrants(
        write=ports.write,
        read=ports.read,
        guard=ports.guard,
        tokens=tokens,
        lifetime=timedelta(seconds=ports.signer.lifetime),
    )


def build_exports(ports: Ports, policy: Policy) -> ExportService:
    """Build the service of exports."""
    return ExportService(
        write=ports.write,
        read=ports.read,
        cipher=ports.export_cipher,
        archiver=Archiver(ports.read, ports.job_kinds, ports.clock),
        prover=build_prover(ports),
        clock=ports.clock,
        new_id=ports.new_id,
        max_live_per_owner=policy.max_live_tasks,
    )
