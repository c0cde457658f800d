"""Names of devices, by their user agents."""

import pytest

from jubilee.domain.auth.devices import device_name

FIREFOX = "rv:145.0) Gecko/20100101 Firefox/145.0"
SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15"
BLINK = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (f"Mozilla/5.0 (X11; Linux x86_64; {FIREFOX}", "Firefox on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Safari/537.36", "Chrome on Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0) {BLINK} Safari/537.36 Edg/142.0", "Edge on Windows"),
        (f"Mozilla/5.0 (Linux; Android 15; K) {BLINK} Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) " + SAFARI, "Safari on iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " + SAFARI, "Safari on macOS"),
        ("curl/8.5.0", "curl"),
        ("Jubilee App/2.1 (Android 15)", "Jubilee App on Android"),
        ("Mozilla/5.0 (Windows NT 10.0)", "Windows"),
        ("Mozilla/5.0", None),
        ("no idea", None),
        ("", None),
        (None, None),
    ],
)  # fmt: skip
def test_a_device_is_named_by_browser_and_system(user_agent: str | None, name: str | None) -> None:
    assert device_name(user_agent) == name
