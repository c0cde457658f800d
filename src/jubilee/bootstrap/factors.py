"""The verification of second factors over the real adapters."""

from jubilee.adapters.secret_cipher import AesSecretCipher
from jubilee.adapters.totp import PyotpAlgorithm
from jubilee.bootstrap.adapters import Adapters
from jubilee.bootstrap.attempts import code_guard
from jubilee.bootstrap.servers import clock, signing_keys
from jubilee.domain.factors.resealing import FactorResealing
from jubilee.domain.factors.verifier import FactorVerifier
from jubilee.settings import Settings


def factor_verifier(settings: Settings, adapters: Adapters) -> FactorVerifier:
    """Build the verifier; the first of the keys encrypts the secrets of new factors."""
    signing = signing_keys(settings)
    return FactorVerifier(
        guard=code_guard(adapters, signing[0].counters),
        totp=PyotpAlgorithm(settings.service_name),
        cipher=_cipher(settings),
        clock=clock,
    )


def factor_resealing(settings: Settings, adapters: Adapters) -> FactorResealing | None:
    """Build what seals secrets by a new SECRET_KEY; None if there is no previous one."""
    if not settings.previous_secret_keys:
        return None
    return FactorResealing(adapters.write, adapters.read, _cipher(settings))


def _cipher(settings: Settings) -> AesSecretCipher:
    return AesSecretCipher(*(keys.factors for keys in signing_keys(settings)))
