"""One-time links over the real adapters, the same for the API and workers."""

from jubilee.adapters.address_cipher import AesAddressCipher
from jubilee.adapters.ids import new_id
from jubilee.bootstrap.servers import clock, signing_keys
from jubilee.domain.greetings.opt_out import OptOutTokens
from jubilee.domain.one_time.issuing import LinkIssuer
from jubilee.domain.one_time.secrets import LinkSecrets
from jubilee.settings import Settings


def link_secrets(settings: Settings) -> LinkSecrets:
    """Build the deriver of the tokens and codes of mailed links."""
    current, *previous = (keys.link for keys in signing_keys(settings))
    return LinkSecrets(current, tuple(previous))


def link_issuer(settings: Settings) -> LinkIssuer:
    """Build the issuer of links."""
    return LinkIssuer(link_secrets(settings), clock, new_id)


def address_cipher(settings: Settings) -> AesAddressCipher:
    """Build the cipher of addresses in jobs."""
    return AesAddressCipher(*(keys.address for keys in signing_keys(settings)))


def opt_out_tokens(settings: Settings) -> OptOutTokens:
    """Build the signer of the links that turn greetings off."""
    current, *previous = (keys.link for keys in signing_keys(settings))
    return OptOutTokens(current, tuple(previous))
