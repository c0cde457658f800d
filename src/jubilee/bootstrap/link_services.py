"""Build the services that send one-time links by mail and redeem them."""

from jubilee.bootstrap.service_policy import Policy
from jubilee.bootstrap.service_ports import Ports
from jubilee.domain.account_email.changes import EmailChangeService
from jubilee.domain.account_email.registration import HiddenRegistrationService
from jubilee.domain.account_email.requests import LinkRequestService
from jubilee.domain.account_email.resets import PasswordResetService
from jubilee.domain.account_email.verification import VerificationService
from jubilee.domain.calendar import Calendar
from jubilee.domain.greetings.opt_out import OptOutService
from jubilee.domain.one_time.issuing import LinkIssuer
from jubilee.domain.one_time.proving import LinkProver
from jubilee.domain.services import LinkServices
from jubilee.domain.users.password_proof import PasswordProof
from jubilee.domain.users.recent_proof import RecentProof


def link_services(ports: Ports, policy: Policy) -> LinkServices:
    """Build the services of links by mail."""
    return LinkServices(
        hidden_registrations=_hidden_registrations(ports, policy),
        link_requests=_link_requests(ports),
        verification=_verification(ports),
        password_resets=_password_resets(ports, policy),
        email_changes=_email_changes(ports, policy),
        opt_out=OptOutService(ports.write, ports.opt_out, ports.clock),
    )


def _link_requests(ports: Ports) -> LinkRequestService:
    return LinkRequestService(ports.write, ports.address_cipher, ports.new_id)


def _hidden_registrations(ports: Ports, policy: Policy) -> HiddenRegistrationService | None:
    """Build the registration that hides known addresses; None if it may reveal them."""
    if not policy.email.hides_accounts:
        return None
    return HiddenRegistrationService(
        write=ports.write,
        read=ports.read,
        hasher=ports.hasher,
        rules=policy.passwords,
        calendar=Calendar(ports.clock, policy.birthdays.time_zone),
        cipher=ports.address_cipher,
        new_id=ports.new_id,
    )


def _verification(ports: Ports) -> VerificationService:
    return VerificationService(ports.write, build_prover(ports), ports.clock, ports.new_id)


def _password_resets(ports: Ports, policy: Policy) -> PasswordResetService:
    return PasswordResetService(
        write=ports.write,
        read=ports.read,
        prover=build_prover(ports),
        hasher=ports.hasher,
        rules=policy.passwords,
        clock=ports.clock,
        new_id=ports.new_id,
    )


def _email_changes(ports: Ports, policy: Policy) -> EmailChangeService:
    return EmailChangeService(
        write=ports.write,
        issuer=build_issuer(ports),
        prover=build_prover(ports),
        requests=_link_requests(ports),
        read=ports.read,
        proof=PasswordProof(ports.write, ports.hasher, ports.guard),
        recent=RecentProof(ports.clock, policy.proof_window),
        clock=ports.clock,
        new_id=ports.new_id,
        birthdays_changed=ports.today_cache.forget,
    )


def build_issuer(ports: Ports) -> LinkIssuer:
    """Build the issuer of one-time links."""
    return LinkIssuer(ports.link_secrets, ports.clock, ports.new_id)


def build_prover(ports: Ports) -> LinkProver:
    """Build the prover of one-time links."""
    return LinkProver(ports.write, ports.read, ports.guard, ports.link_secrets, ports.clock)
