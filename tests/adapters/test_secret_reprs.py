"""What holds a secret does not show it where an exception or a debugger prints the object."""

from dataclasses import fields

from jubilee.bootstrap.servers import Keys, Urls


def test_urls_do_not_show_their_passwords() -> None:
    urls = Urls("postgresql://u:marker@h/d", "redis://:marker@h/0")
    assert "marker" not in f"{urls} {urls!r}"


def test_keys_are_not_shown() -> None:
    keys = Keys(*(b"marker" for _ in fields(Keys)))
    assert "marker" not in f"{keys} {keys!r}"
