"""When metadata and keys of an issuer are read again, on a clock of the tests."""

import pytest

from jubilee.adapters.oidc.client import PAUSE_S, ProviderClient
from jubilee.adapters.oidc.discovery import KEYS_PAUSE_S, METADATA_S, IssuerDirectory
from jubilee.domain.identities.identity import ProviderUnavailable
from tests.fakes.issuer import ISSUER, KEY_ID, FakeIssuer, found

KEYS, METADATA = "/jwks", "/.well-known/openid-configuration"


class Clock:
    """Seconds that a test adds to."""

    def __init__(self) -> None:
        """Some seconds have passed, as in a process that runs."""
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer() -> FakeIssuer:
    return FakeIssuer()


@pytest.fixture
def directory(issuer: FakeIssuer, clock: Clock) -> IssuerDirectory:
    return IssuerDirectory(ISSUER, ProviderClient(issuer, clock), clock)


def reads(issuer: FakeIssuer, target: str) -> int:
    return [request.target for request in issuer.requests].count(target)


async def test_metadata_are_read_again_after_an_hour(
    directory: IssuerDirectory, issuer: FakeIssuer, clock: Clock
) -> None:
    for seconds, expected in ((0, 1), (METADATA_S - 1, 1), (1, 2), (METADATA_S - 1, 2)):
        clock.now += seconds
        await directory.endpoints()
        assert reads(issuer, METADATA) == expected


async def test_keys_are_read_again_after_an_hour(
    directory: IssuerDirectory, issuer: FakeIssuer, clock: Clock
) -> None:
    for seconds, expected in ((0, 1), (METADATA_S - 1, 1), (1, 2), (METADATA_S - 1, 2)):
        clock.now += seconds
        assert await directory.key(KEY_ID)
        assert reads(issuer, KEYS) == expected


async def test_an_unknown_key_is_sought_once_in_a_pause(
    directory: IssuerDirectory, issuer: FakeIssuer, clock: Clock
) -> None:
    for seconds, expected in ((0, 1), (KEYS_PAUSE_S - 1, 1), (1, 2), (1, 2)):
        clock.now += seconds
        assert await directory.key("unknown") is None
        assert reads(issuer, KEYS) == expected
    assert await directory.key(None) is not None


async def test_old_metadata_and_keys_serve_in_an_outage(
    directory: IssuerDirectory, issuer: FakeIssuer, clock: Clock
) -> None:
    assert await directory.key(KEY_ID)
    issuer.dies()
    clock.now += METADATA_S
    assert await directory.key(KEY_ID)
    clock.now += PAUSE_S + KEYS_PAUSE_S
    with pytest.raises(ProviderUnavailable):
        await directory.key("unknown")


@pytest.mark.parametrize(
    ("methods", "takes_basic"),
    [
        (None, True),
        (["client_secret_basic", "client_secret_post"], True),
        (["client_secret_post"], False),
    ],
)
async def test_basic_is_used_unless_the_issuer_lists_other_methods(
    directory: IssuerDirectory, issuer: FakeIssuer, methods: list[str] | None, takes_basic: bool
) -> None:
    issuer.metadata["token_endpoint_auth_methods_supported"] = methods
    assert (await directory.endpoints()).takes_basic is takes_basic


async def test_metadata_of_another_issuer_are_refused(
    directory: IssuerDirectory, issuer: FakeIssuer
) -> None:
    issuer.metadata["issuer"] = "https://other.example"
    with pytest.raises(ProviderUnavailable):
        await directory.endpoints()


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("value", [None, 7, "/relative", "ftp://issuer.example/x"])
async def test_metadata_without_an_address_are_an_outage_that_names_it(
    directory: IssuerDirectory, issuer: FakeIssuer, name: str, value: object
) -> None:
    issuer.metadata[name] = value
    with pytest.raises(ProviderUnavailable) as outage:
        await directory.endpoints()
    assert name in outage.value.reason


@pytest.mark.parametrize("keys", [[], {"keys": []}, {"keys": [{"kty": "EC"}]}, {"keys": "none"}])
async def test_keys_that_cannot_be_used_are_an_outage(
    directory: IssuerDirectory, issuer: FakeIssuer, keys: object
) -> None:
    issuer.reply = lambda request: found(keys) if request.target == KEYS else None
    with pytest.raises(ProviderUnavailable) as outage:
        await directory.key(KEY_ID)
    assert "no usable keys" in outage.value.reason


async def test_without_a_name_only_a_single_key_is_taken(
    directory: IssuerDirectory, issuer: FakeIssuer
) -> None:
    one, other = FakeIssuer().jwk(), {**FakeIssuer().jwk(), "kid": "k2"}
    issuer.reply = lambda request: found({"keys": [one, other]}) if request.target == KEYS else None
    assert await directory.key(None) is None
    assert await directory.key("k2") is not None
