"""Build the services by which accounts sign in and prove their identity."""

from jubilee.bootstrap.service_policy import Policy
from jubilee.bootstrap.service_ports import Ports
from jubilee.domain.auth.opening import SessionOpener
from jubilee.domain.auth.proofs import ProofService
from jubilee.domain.auth.second_step import SecondStep
from jubilee.domain.auth.service import AuthService
from jubilee.domain.factors.service import FactorService
from jubilee.domain.identities.exchange import IdentityExchange
from jubilee.domain.identities.flow import SignInFlow
from jubilee.domain.passkeys.challenges import ChallengeSigner
from jubilee.domain.passkeys.service import PasskeyService
from jubilee.domain.passkeys.sign_in import PasskeySignIn
from jubilee.domain.signing_keys.loading import KeyLoader
from jubilee.domain.signing_keys.service import SigningKeyService
from jubilee.domain.users.service import UserService


def build_signing_keys(ports: Ports, policy: Policy) -> SigningKeyService:
    """Build the service of signing keys."""
    return SigningKeyService(
        write=ports.write,
        read=ports.read,
        vault=ports.key_vault,
        ring=ports.signer,
        policy=policy.keys,
        clock=ports.clock,
    )


def build_auth(
    ports: Ports, policy: Policy, keys: KeyLoader, opener: SessionOpener, step: SecondStep
) -> AuthService:
    """Build the service that signs accounts in."""
    return AuthService(
        write=ports.write,
        read=ports.read,
        hasher=ports.hasher,
        guard=ports.guard,
        signer=ports.signer,
        look_up_keys=keys.look_up,
        opener=opener,
        second_step=step,
        clock=ports.clock,
        email=policy.email,
        note_session=ports.note_session,
    )


def build_second_step(ports: Ports, policy: Policy, opener: SessionOpener) -> SecondStep:
    """Build the second step of a sign-in."""
    return SecondStep(
        write=ports.write,
        verifier=ports.factors,
        opener=opener,
        requirement=policy.mfa_requirement,
        make_secret=policy.refresh.make_secret,
        clock=ports.clock,
    )


def build_sign_in_flow(ports: Ports, policy: Policy) -> SignInFlow:
    """Build the sign-in with a provider."""
    return SignInFlow(
        providers=ports.providers,
        rules=policy.flow,
        write=ports.write,
        sealer=ports.ticket_sealer,
        make_secret=ports.make_secret,
        clock=ports.clock,
    )


def build_identity_exchange(
    ports: Ports, auth: AuthService, users: UserService
) -> IdentityExchange:
    """Build the exchange of a provider's answer for a session."""
    return IdentityExchange(
        providers=ports.providers,
        write=ports.write,
        read=ports.read,
        sealer=ports.ticket_sealer,
        auth=auth,
        users=users,
        clock=ports.clock,
        new_id=ports.new_id,
    )


def build_factors(ports: Ports, policy: Policy) -> FactorService:
    """Build the service of second factors."""
    return FactorService(
        write=ports.write,
        read=ports.read,
        verifier=ports.factors,
        requirement=policy.mfa_requirement,
        make_secret=policy.refresh.make_secret,
        clock=ports.clock,
        new_id=ports.new_id,
    )


def build_passkeys(ports: Ports, policy: Policy) -> PasskeyService:
    """Build the service of passkeys."""
    return PasskeyService(
        write=ports.write,
        read=ports.read,
        verifier=ports.passkeys,
        challenges=_challenges(policy),
        requirement=policy.mfa_requirement,
        clock=ports.clock,
        new_id=ports.new_id,
    )


def build_passkey_sign_in(ports: Ports, policy: Policy, opener: SessionOpener) -> PasskeySignIn:
    """Build the sign-in with a passkey."""
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


def build_proofs(ports: Ports, policy: Policy) -> ProofService:
    """Build the service of recent proofs of identity."""
    return ProofService(
        write=ports.write,
        read=ports.read,
        hasher=ports.hasher,
        guard=ports.guard,
        verifier=ports.factors,
        requirement=policy.mfa_requirement,
        clock=ports.clock,
        window=policy.proof_window,
    )
