"""Build the services of accounts, their tokens and their data."""

from datetime import timedelta

from jubilee.bootstrap.link_services import build_issuer, build_prover
from jubilee.bootstrap.service_policy import Policy
from jubilee.bootstrap.service_ports import Ports
from jubilee.domain.account_locks import AccountLockService
from jubilee.domain.account_merges import AccountMergeService
from jubilee.domain.api_tokens.service import ApiTokenService
from jubilee.domain.calendar import Calendar
from jubilee.domain.impersonation import ImpersonationService
from jubilee.domain.invites.proving import InviteProver
from jubilee.domain.invites.service import InviteService
from jubilee.domain.leaving.archive import Archiver
from jubilee.domain.leaving.deletion import DeletionService
from jubilee.domain.leaving.export import ExportService
from jubilee.domain.roles.service import RoleService
from jubilee.domain.service_accounts.grants import ClientGrants
from jubilee.domain.service_accounts.service import ServiceAccountService
from jubilee.domain.services import AccountServices
from jubilee.domain.users.recent_proof import RecentProof
from jubilee.domain.users.registration import RegistrationMail
from jubilee.domain.users.service import UserService


def account_services(ports: Ports, policy: Policy) -> AccountServices:
    """Build the services of accounts."""
    users, api_tokens = _users(ports, policy), _api_tokens(ports, policy)
    write, clock = ports.write, ports.clock
    return AccountServices(
        users=users,
        api_tokens=api_tokens,
        service_accounts=_service_accounts(ports, users, api_tokens),
        client_grants=_client_grants(ports, api_tokens),
        roles=RoleService(write=write, read=ports.read, clock=clock),
        account_locks=AccountLockService(write=write, guard=ports.guard, clock=clock),
        account_merges=AccountMergeService(
            write=write, clock=clock, birthdays_changed=ports.today_cache.forget
        ),
        impersonation=ImpersonationService(write=write, signer=ports.signer, clock=clock),
        invites=_invites(ports, users),
        deletions=_deletions(ports, policy, users),
        exports=_exports(ports, policy),
    )


def _users(ports: Ports, policy: Policy) -> UserService:
    return UserService(
        write=ports.write,
        read=ports.read,
        read_list=ports.read_list,
        hasher=ports.hasher,
        guard=ports.guard,
        recent=RecentProof(ports.clock, policy.proof_window),
        rules=policy.passwords,
        clock=ports.clock,
        new_id=ports.new_id,
        calendar=Calendar(ports.clock, policy.birthdays.time_zone),
        mail=RegistrationMail(build_issuer(ports), policy.email, ports.new_id),
        birthdays_changed=ports.today_cache.forget,
    )


def _api_tokens(ports: Ports, policy: Policy) -> ApiTokenService:
    return ApiTokenService(
        write=ports.write,
        read=ports.read,
        rules=policy.api_tokens,
        clock=ports.clock,
        new_id=ports.new_id,
        note_use=ports.note_token_use,
    )


def _service_accounts(
    ports: Ports, users: UserService, tokens: ApiTokenService
) -> ServiceAccountService:
    return ServiceAccountService(
        write=ports.write,
        read=ports.read,
        users=users,
        tokens=tokens,
        clock=ports.clock,
        new_id=ports.new_id,
    )


def _client_grants(ports: Ports, tokens: ApiTokenService) -> ClientGrants:
    return ClientGrants(
        write=ports.write,
        read=ports.read,
        guard=ports.guard,
        tokens=tokens,
        lifetime=timedelta(seconds=ports.signer.lifetime),
    )


def _exports(ports: Ports, policy: Policy) -> ExportService:
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


def _invites(ports: Ports, users: UserService) -> InviteService:
    secrets = ports.link_secrets
    return InviteService(
        write=ports.write,
        read=ports.read,
        users=users,
        prover=InviteProver(ports.write, ports.read, ports.guard, secrets, ports.clock),
        secrets=secrets,
        clock=ports.clock,
        new_id=ports.new_id,
    )


def _deletions(ports: Ports, policy: Policy, users: UserService) -> DeletionService:
    return DeletionService(
        write=ports.write,
        users=users,
        guard=ports.guard,
        issuer=build_issuer(ports),
        prover=build_prover(ports),
        clock=ports.clock,
        new_id=ports.new_id,
        grace=policy.deletion_grace,
    )
