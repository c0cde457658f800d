"""Keys that sign access tokens: the signer, and their upkeep in workers."""

import logging
from datetime import timedelta

from jubilee.adapters.tokens.jwt_tokens import JwtTokens
from jubilee.adapters.tokens.key_ring import OpenedKeyRing
from jubilee.adapters.tokens.key_vault import AesKeyVault
from jubilee.bootstrap.adapters import Adapters
from jubilee.bootstrap.servers import clock, signing_keys
from jubilee.domain.signing_keys.changes import KeyPolicy
from jubilee.domain.signing_keys.key import KeyAlgorithm
from jubilee.domain.signing_keys.upkeep import KeyUpkeep
from jubilee.settings import Settings

logger = logging.getLogger(__name__)


def report_load_failure(error: Exception) -> None:
    """Log that the keys could not be loaded."""
    logger.error("loading the signing keys failed", exc_info=error)


def key_policy(settings: Settings) -> KeyPolicy:
    """Read the policy for new keys from the settings."""
    return KeyPolicy(
        _algorithm(settings),
        period=timedelta(days=settings.token_key_days),
        lifetime=timedelta(minutes=settings.access_token_expire_minutes),
    )


def key_vault(settings: Settings) -> AesKeyVault:
    """Build the vault, which seals by SECRET_KEY and opens by SECRET_KEY_PREVIOUS as well."""
    return AesKeyVault(*(keys.vault for keys in signing_keys(settings)))


def token_signer(settings: Settings, vault: AesKeyVault) -> JwtTokens:
    """Build the signer; its ring of keys is empty."""
    return JwtTokens(
        *(keys.access for keys in signing_keys(settings)),
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        lifetime=settings.access_token_expire_minutes * 60,
        ring=OpenedKeyRing(vault, _algorithm(settings)),
    )


def key_upkeep(settings: Settings, adapters: Adapters) -> KeyUpkeep:
    """Build the upkeep that workers run."""
    return KeyUpkeep(adapters.write, key_vault(settings), key_policy(settings), clock)


def _algorithm(settings: Settings) -> KeyAlgorithm | None:
    """Return None for HS256, which has no keys."""
    algorithms = {algorithm.value: algorithm for algorithm in KeyAlgorithm}
    return algorithms.get(settings.token_algorithm)
