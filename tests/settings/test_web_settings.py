"""The settings of what clients reach: origins, hosts, published addresses, proxies, metrics."""

import pytest
from pydantic import ValidationError

from tests.settings.given import STRONG, given, refusal


@pytest.mark.parametrize(
    "written",
    ['["https://a.example", "https://b.example/"]', "https://a.example,https://b.example"],
)
def test_origins_are_a_list_in_either_spelling(env: pytest.MonkeyPatch, written: str) -> None:
    settings = given(env, BACKEND_CORS_ORIGINS=written)
    assert settings.cors_origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize("written", ["[]", " ", ","])
def test_there_may_be_no_origins(env: pytest.MonkeyPatch, written: str) -> None:
    assert given(env, BACKEND_CORS_ORIGINS=written).cors_origins == ()


@pytest.mark.parametrize(
    ("environment", "origins"),
    [("development", ("http://localhost:*",)), ("staging", ()), ("production", ())],
)
def test_only_development_allows_origins_by_default(
    env: pytest.MonkeyPatch, environment: str, origins: tuple[str, ...]
) -> None:
    assert given(env, ENVIRONMENT=environment, SECRET_KEY=STRONG).cors_origins == origins


@pytest.mark.parametrize(
    "origin",
    ["app.example", "null", "https://app.example/path", "https://*.example", "https://a b"],
)
def test_an_origin_is_a_scheme_and_a_host(env: pytest.MonkeyPatch, origin: str) -> None:
    assert "backend_cors_origins" in refusal(env, BACKEND_CORS_ORIGINS=origin)


def test_all_origins_with_credentials_are_refused(env: pytest.MonkeyPatch) -> None:
    assert given(env, BACKEND_CORS_ORIGINS="*").cors_origins == ("*",)
    env.setenv("CORS_ALLOW_CREDENTIALS", "true")
    assert given(env, BACKEND_CORS_ORIGINS="https://a.example").cors_allow_credentials
    with pytest.raises(ValidationError, match="CORS_ALLOW_CREDENTIALS needs origins"):
        given(env, BACKEND_CORS_ORIGINS="https://a.example,*")


@pytest.mark.parametrize(
    ("environment", "variables", "hosts"),
    [
        ("development", {}, ()),
        ("development", {"PUBLIC_URL": "https://a.example"}, ()),
        ("production", {}, ()),
        ("production", {"PUBLIC_URL": "https://a.example:8443/x/"}, ("a.example",)),
        ("production", {"PUBLIC_URL": "https://[::1]"}, ("[::1]",)),
        ("production", {"PUBLIC_URL": "https://a.example", "TRUSTED_HOSTS": "*"}, ()),
        ("development", {"TRUSTED_HOSTS": "B.example, *.c.example"}, ("b.example", "*.c.example")),
    ],
)
def test_the_host_of_the_public_url_is_the_default_of_trusted_hosts(
    env: pytest.MonkeyPatch, environment: str, variables: dict[str, str], hosts: tuple[str, ...]
) -> None:
    settings = given(env, ENVIRONMENT=environment, SECRET_KEY=STRONG, **variables)
    assert settings.accepted_hosts == hosts


@pytest.mark.parametrize("host", ["https://a.example", "a.example/x", "a.*.example", "a:0"])
def test_a_trusted_host_is_a_name(env: pytest.MonkeyPatch, host: str) -> None:
    assert "trusted_hosts" in refusal(env, TRUSTED_HOSTS=host)


@pytest.mark.parametrize(
    "url",
    ["api.example", "ftp://a.example", "https:///x", "https://u@a.example", "https://a.example?x=1",
     "https://a.example#x", "https://a.example/\"onclick=", "https://a.example:0"],
)  # fmt: skip
def test_the_public_url_is_checked_at_the_start(env: pytest.MonkeyPatch, url: str) -> None:
    assert "public_url" in refusal(env, PUBLIC_URL=url)


@pytest.mark.parametrize("contact", ["security@example.com", "http://a.example", "mailto:a b@c.d"])
def test_a_security_contact_is_a_uri(env: pytest.MonkeyPatch, contact: str) -> None:
    assert "security_contact" in refusal(env, SECURITY_CONTACT=contact)
    accepted = "mailto:security@example.com, https://example.com/report?x=1,tel:+43-1-5"
    assert len(given(env, SECURITY_CONTACT=accepted).security_contact) == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHANGE_PASSWORD_URL", "/account"),
        ("CHANGE_PASSWORD_URL", "https://a.example/\r\nX: 1"),
        ("SECURITY_TXT_EXPIRES", "2027-12-31T00:00:00"),
    ],
)
def test_published_addresses_are_checked_at_the_start(
    env: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert name.lower() in refusal(env, **{name: value})


def test_the_public_url_loses_its_final_slash(env: pytest.MonkeyPatch) -> None:
    assert given(env, PUBLIC_URL="https://a.example/x/").public_url == "https://a.example/x"


def test_trusted_proxies_are_networks_and_addresses(env: pytest.MonkeyPatch) -> None:
    assert given(env).trusted_proxies == ()
    settings = given(env, TRUSTED_PROXIES="10.1.0.0/16, 192.0.2.7,fd00::/8")
    assert settings.masked()["TRUSTED_PROXIES"] == "10.1.0.0/16,192.0.2.7/32,fd00::/8"


@pytest.mark.parametrize(
    ("environment", "chosen", "port"),
    [
        ("development", "", None),
        ("development", "9100", 9100),
        ("staging", "", 9102),
        ("production", "", 9102),
        ("production", "9100", 9100),
        ("production", "0", None),
    ],
)
def test_check_44_metrics_have_their_own_port_outside_development(
    env: pytest.MonkeyPatch, environment: str, chosen: str, port: int | None
) -> None:
    settings = given(env, ENVIRONMENT=environment, SECRET_KEY=STRONG, METRICS_PORT=chosen)
    assert settings.api_metrics_port == port
