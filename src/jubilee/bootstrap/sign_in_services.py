"""Build the services by which accounts sign in and prove their identity."""

from time import monotonic

from jubilee.bootstrap.service_policy import Policy
from jubilee.bootstrap.service_ports import Ports
from jubilee.domain.auth.admission import SignInAdmission
from jubilee.domain.auth.opening import SessionOpener
from jubilee.domain.auth.proofs import ProofService
from jubilee.domain.auth.second_step import SecondStep
from jubilee.domain.auth.service import AuthService
from jubilee.domain.auth.session_service import SessionService
from jubilee.domain.factors.resealing import FactorResealing
from jubilee.domain.factors.service import FactorService
from jubilee.domain.identities.exchange import IdentityExchange
from jubilee.domain.identities.flow import SignInFlow
from jubilee.domain.identities.provider import issuers_of
from jubilee.domain.identities.service import IdentityService
from jubilee.domain.passkeys.challenges import ChallengeSigner
from jubilee.domain.passkeys.service import PasskeyService
from jubilee.domain.passkeys.sign_in import PasskeySignIn
from jubilee.domain.services import SignInServices
from jubilee.domain.signing_keys.loading import KeyLoader
from jubilee.domain.signing_keys.service import SigningKeyService
from jubilee.domain.users.recent_proof import RecentProof
from jubilee.domain.users.service import UserService


def sign_in_services(ports: Ports, policy: Policy, users: UserService) -> SignInServices:
    """Build the services of sign-in; `users` registers those whom a provider has identified."""
    keys = _signing_keys(ports, policy)
    opener = _opener(ports, policy)
    key_loader = KeyLoader(keys.load, monotonic)
    return SignInServices(
        auth=_auth(ports, key_loader, opener),
        second_step=SecondStep(ports.write, ports.factors, opener, ports.clock),
        proofs=_proofs(ports, policy),
        sessions=SessionService(ports.write, ports.read, ports.places),
        factors=_factors(ports, policy),
        factor_resealing=FactorResealing(ports.write, ports.read, ports.factors.cipher),
        passkeys=_passkeys(ports, policy),
        passkey_sign_in=_passkey_sign_in(ports, policy, opener),
        sign_in_flow=_sign_in_flow(ports, policy),
        identity_exchange=_identity_exchange(ports, opener, users),
        identities=_identities(ports),
        signing_keys=keys,
        key_loader=key_loader,
    )


def _signing_keys(ports: Ports, policy: Policy) -> SigningKeyService:
    return SigningKeyService(
        write=ports.write,
        read=ports.read,
        vault=ports.key_vault,
        ring=ports.signer,
        policy=policy.keys,
        clock=ports.clock,
    )


def _opener(ports: Ports, policy: Policy) -> SessionOpener:
    return SessionOpener(
        signer=ports.signer,
        policy=policy.refresh,
        admission=SignInAdmission(
            email=policy.email,
            requirement=policy.mfa_requirement,
            make_secret=policy.refresh.make_secret,
            clock=ports.clock,
        ),
        clock=ports.clock,
        new_id=ports.new_id,
    )


def _auth(ports: Ports, keys: KeyLoader, opener: SessionOpener) -> AuthService:
    return AuthService(
        write=ports.write,
        read=ports.read,
        hasher=ports.hasher,
        guard=ports.guard,
        signer=ports.signer,
        look_up_keys=keys.look_up,
        opener=opener,
        clock=ports.clock,
        note_use=ports.note_session_use,
    )


def _sign_in_flow(ports: Ports, policy: Policy) -> SignInFlow:
    return SignInFlow(
        providers=ports.providers,
        rules=policy.flow,
        write=ports.write,
        sealer=ports.ticket_sealer,
        make_secret=ports.make_secret,
        clock=ports.clock,
    )


def _identity_exchange(ports: Ports, opener: SessionOpener, users: UserService) -> IdentityExchange:
    return IdentityExchange(
        providers=ports.providers,
        write=ports.write,
        read=ports.read,
        sealer=ports.ticket_sealer,
        opener=opener,
        users=users,
        clock=ports.clock,
        new_id=ports.new_id,
    )


def _identities(ports: Ports) -> IdentityService:
    return IdentityService(
        providers=ports.providers,
        write=ports.write,
        read=ports.read,
        clock=ports.clock,
        new_id=ports.new_id,
    )


def _factors(ports: Ports, policy: Policy) -> FactorService:
    return FactorService(
        write=ports.write,
        read=ports.read,
        verifier=ports.factors,
        requirement=policy.mfa_requirement,
        make_secret=policy.refresh.make_secret,
        clock=ports.clock,
        new_id=ports.new_id,
    )


def _passkeys(ports: Ports, policy: Policy) -> PasskeyService:
    return PasskeyService(
        write=ports.write,
        read=ports.read,
        verifier=ports.passkeys,
        challenges=_challenges(policy),
        requirement=policy.mfa_requirement,
        issuers=issuers_of(ports.providers),
        clock=ports.clock,
        new_id=ports.new_id,
    )


def _passkey_sign_in(ports: Ports, policy: Policy, opener: SessionOpener) -> PasskeySignIn:
    return PasskeySignIn(
        write=ports.write,
        read=ports.read,
        verifier=ports.passkeys,
        challenges=_challenges(policy),
        opener=opener,
        clock=ports.clock,
    )


def _challenges(policy: Policy) -> ChallengeSigner:
    return ChallengeSigner(policy.challenge_keys, policy.refresh.make_secret)


def _proofs(ports: Ports, policy: Policy) -> ProofService:
    return ProofService(
        write=ports.write,
        read=ports.read,
        hasher=ports.hasher,
        guard=ports.guard,
        verifier=ports.factors,
        requirement=policy.mfa_requirement,
        recent=RecentProof(ports.clock, policy.proof_window),
        clock=ports.clock,
    )
