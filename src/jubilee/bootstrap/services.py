"""Build the services from ports and policy; nothing else constructs them."""

from time import monotonic

from jubilee.bootstrap.account_services import (
    build_api_tokens,
    build_client_grants,
    build_exports,
    build_service_accounts,
    build_users,
)
from jubilee.bootstrap.link_services import (
    build_email_changes,
    build_hidden_registrations,
    build_link_requests,
    build_password_resets,
    build_verification,
)
from jubilee.bootstrap.service_policy import Policy
from jubilee.bootstrap.service_ports import Ports
from jubilee.bootstrap.sign_in_services import (
    build_auth,
    build_factors,
    build_identity_exchange,
    build_passkey_sign_in,
    build_passkeys,
    build_proofs,
    build_second_step,
    build_sign_in_flow,
    build_signing_keys,
)
from jubilee.domain.account_locks import AccountLockService
from jubilee.domain.account_merges import AccountMergeService
from jubilee.domain.audit.service import AuditService
from jubilee.domain.auth.opening import SessionOpener
from jubilee.domain.auth.session_service import SessionService
from jubilee.domain.birthdays import BirthdayService
from jubilee.domain.greetings.opt_out import OptOutService
from jubilee.domain.health import HealthService
from jubilee.domain.idempotency.service import IdempotencyService
from jubilee.domain.identities.service import IdentityService
from jubilee.domain.impersonation import ImpersonationService
from jubilee.domain.invites.service import InviteService
from jubilee.domain.items import ItemService
from jubilee.domain.jobs.waiter import JobWaiter
from jubilee.domain.leaving.deletion import DeletionService
from jubilee.domain.own_mails import OwnMailService
from jubilee.domain.roles.service import RoleService
from jubilee.domain.services import Services
from jubilee.domain.signing_keys.loading import KeyLoader
from jubilee.domain.tasks.service import TaskService


def build_services(ports: Ports, policy: Policy) -> Services:
    """Build every service."""
    signing_keys = build_signing_keys(ports, policy)
    users = build_users(ports, policy)
    opener = SessionOpener(ports.signer, policy.refresh, ports.clock, ports.new_id)
    second_step = build_second_step(ports, policy, opener)
    key_loader = KeyLoader(signing_keys.load, monotonic)
    auth = build_auth(ports, policy, key_loader, opener, second_step)
    api_tokens = build_api_tokens(ports, policy)
    return Services(
        auth=auth,
        signing_keys=signing_keys,
        key_loader=key_loader,
        sign_in_flow=build_sign_in_flow(ports, policy),
        identity_exchange=build_identity_exchange(ports, auth, users),
        identities=IdentityService(ports.providers, ports.write, ports.read, ports.clock),
        second_step=second_step,
        proofs=build_proofs(ports, policy),
        api_tokens=api_tokens,
        service_accounts=build_service_accounts(ports, users, api_tokens),
        client_grants=build_client_grants(ports, api_tokens),
        sessions=SessionService(write=ports.write, read=ports.read),
        factors=build_factors(ports, policy),
        passkeys=build_passkeys(ports, policy),
        passkey_sign_in=build_passkey_sign_in(ports, policy, opener),
        users=users,
        hidden_registrations=build_hidden_registrations(ports, policy),
        link_requests=build_link_requests(ports),
        verification=build_verification(ports),
        password_resets=build_password_resets(ports, policy),
        email_changes=build_email_changes(ports),
        opt_out=OptOutService(ports.write, ports.opt_out, ports.clock),
        own_mails=OwnMailService(ports.read_list),
        deletions=DeletionService(
            write=ports.write,
            users=users,
            guard=ports.guard,
            clock=ports.clock,
            new_id=ports.new_id,
            grace=policy.deletion_grace,
        ),
        exports=build_exports(ports, policy),
        items=ItemService(
            write=ports.write,
            read=ports.read,
            read_list=ports.read_list,
            clock=ports.clock,
            new_id=ports.new_id,
        ),
        birthdays=BirthdayService(
            write=ports.write,
            write_one=ports.write_one,
            read=ports.read,
            read_list=ports.read_list,
            cache=ports.today_cache,
            rules=policy.birthdays,
            clock=ports.clock,
            new_id=ports.new_id,
        ),
        tasks=_tasks(ports, policy),
        audit=AuditService(write=ports.write, read_list=ports.read_list),
        health=HealthService(
            schema=ports.read_schema, redis=ports.ping_redis, mail=policy.mail_configured
        ),
        idempotency=IdempotencyService(write=ports.write, read=ports.read, cipher=ports.cipher),
        roles=RoleService(write=ports.write, read=ports.read, clock=ports.clock),
        account_locks=AccountLockService(write=ports.write, guard=ports.guard, clock=ports.clock),
        account_merges=AccountMergeService(
            write=ports.write, clock=ports.clock, birthdays_changed=ports.today_cache.forget
        ),
        invites=InviteService(
            write=ports.write,
            read=ports.read,
            users=users,
            tokens=policy.invites,
            clock=ports.clock,
            new_id=ports.new_id,
        ),
        impersonation=ImpersonationService(
            write=ports.write, signer=ports.signer, clock=ports.clock
        ),
    )


def _tasks(ports: Ports, policy: Policy) -> TaskService:
    return TaskService(
        write=ports.write,
        read=ports.read,
        read_list=ports.read_list,
        kinds=ports.job_kinds,
        waiter=JobWaiter(ports.live_jobs),
        clock=ports.clock,
        new_id=ports.new_id,
        max_live_per_owner=policy.max_live_tasks,
    )
