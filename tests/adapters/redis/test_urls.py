"""REDIS_URL: which forms are accepted or refused at the start."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from jubilee.urls.parts import server_attributes, without_password
from jubilee.urls.redis import SentinelAddress, checked_redis_url
from tests.support.certificates import make_certificate


def checked(url: str) -> str:
    return checked_redis_url(SecretStr(url)).get_secret_value()


def refusal(url: str) -> str:
    with pytest.raises(ValueError, match=r".") as refused:
        checked(url)
    assert "Zq7" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        "redis://u:Zq7@h:6380/3",
        "redis://[::1]:6379/0?password=Zq7",
        "unix:///run/redis/redis.sock?db=2",
        "unix://u:Zq7@/run/a,b.sock",
        "rediss://:Zq7@h/0?ssl_check_hostname=false",
        "rediss://h?ssl_cert_reqs=none",
        "redis+sentinel://a,b:26380,c/shop/0",
        "redis+sentinel://u:Zq7@[::1]:26380/shop?sentinel_username=s&sentinel_password=Zq7",
        "rediss+sentinel://a,b/shop/15?ssl_cert_reqs=required",
    ],
)
def test_a_valid_redis_url_is_accepted(url: str) -> None:
    assert checked(url) == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://h", "it must begin with redis://, rediss://, unix:// or redis+sentinel://"),
        ("redis+cluster://h", "Redis Cluster is not supported"),
        ("redis-cluster://h", "Redis Cluster is not supported"),
        ("redis://:Zq7@a,b/0", "several hosts need redis+sentinel://"),
        ("redis://h/zero", "its database must be a number"),
        ("redis://h?db=-1", "its database must be a number"),
        ("redis://h?ssl_ca_certs=/c", "its TLS parameters need rediss://"),
        ("redis://h?timeout=5", "the parameters it may have are db, password"),
        ("rediss://h?ssl_cert_reqs=maybe", "its ssl_cert_reqs must be required or none"),
        ("rediss://h?ssl_certfile=/c", "ssl_certfile and ssl_keyfile must be given together"),
        ("rediss://h?ssl_ca_certs=/nowhere", "its certificates cannot be read: No such file"),
        ("redis+sentinel://a,b", "its form is redis+sentinel://user:password@host1,host2/master"),
        ("redis+sentinel://:Zq7@a,,b/shop", "its form is redis+sentinel://"),
        ("redis+sentinel://a:x/shop", "its form is redis+sentinel://"),
        ("redis+sentinel://a:0/shop", "its ports must be numbers from 1 to 65535"),
        ("redis+sentinel://a,b:99999/shop", "its ports must be numbers from 1 to 65535"),
        ("redis+sentinel://a/shop/one", "its form is redis+sentinel://"),
        ("redis+sentinel://a/shop?ssl_ca_certs=/c", "its TLS parameters need rediss://"),
        ("redis://h?sentinel_password=Zq7", "the parameters it may have are db, password"),
    ],
)
def test_an_invalid_redis_url_is_refused_without_the_password(url: str, reason: str) -> None:
    assert reason in refusal(url)


def test_certificates_are_read_at_the_start(tmp_path: Path) -> None:
    make_certificate(tmp_path, "DNS:h")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    assert checked(f"rediss://h?ssl_ca_certs={cert}&ssl_certfile={cert}&ssl_keyfile={key}")
    assert "cannot be read" in refusal(f"rediss://h?ssl_certfile={key}&ssl_keyfile={cert}")


def test_the_parts_of_a_sentinel_url() -> None:
    url = "rediss+sentinel://u:p%40@a,[::1]:26380/shop%2E1/2?sentinel_password=s%26&ssl_cert_reqs=none"
    address = SentinelAddress.parse(url)
    assert address.sentinels == (("a", 26_379), ("::1", 26_380))
    assert (address.master, address.username, address.password) == ("shop.1", None, "s&")
    assert address.server == "rediss://u:p%40@a/2?ssl_cert_reqs=none"


def test_both_passwords_of_a_sentinel_url_are_masked() -> None:
    url = "redis+sentinel://u:Zq7@a:1,b:2/shop/0?sentinel_username=s&sentinel_password=Zq7"
    assert without_password(url) == (
        "redis+sentinel://u:***@a:1,b:2/shop/0?sentinel_username=s&sentinel_password=***"
    )
    assert server_attributes(url) == {"server.address": "a:1,b:2"}
