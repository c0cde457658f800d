"""Replacing SECRET_KEY at two instances in turn, while users work through both."""

from tests.servers import Servers
from tests.support.api import Api, Starter
from tests.support.balancer import Balancer, User, all_go_on, working

OLD, NEW = "old-3f0c6Jq9vX1mWb8Tz5Kd2Rs7Ly4Hn0Pa", "new-8Tz5Kd2Rs7Ly4Hn0Pa3f0c6Jq9vX1mWb"
BEFORE = {"SECRET_KEY": OLD, "SECRET_KEY_PREVIOUS": NEW}
AFTER = {"SECRET_KEY": NEW, "SECRET_KEY_PREVIOUS": OLD}
USERS = 3


class Reader(User):
    """Read, page and refresh, each time at any instance."""

    def work(self) -> None:
        self.ask("GET", "/auth/sessions")
        page = self.ask("GET", "/items", params={"limit": 1}).json()
        self.ask("GET", "/items", params={"limit": 1, "cursor": page["next_cursor"]})
        form = {"grant_type": "refresh_token", "refresh_token": self.tokens["refresh_token"]}
        self.ask("POST", "/auth/refresh", json=form)
        self.tokens = self.ask("POST", "/auth/refresh", json=form).json()


def test_check_25_every_user_stays_signed_in_while_the_key_is_replaced(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    def started(env: dict[str, str]) -> list[Api]:
        apis = [start_api(database_url, servers.redis_url, **env) for _ in range(2)]
        return [api.ready() for api in apis]

    before = started(BEFORE)
    balancer = Balancer(list(before))
    users = [Reader(balancer, number) for number in range(USERS)]
    for user in users:
        for title in ("first", "second"):
            assert user.ask("POST", "/items", json={"title": title}).status_code == 201
    with working(users):
        for old, new in zip(before, started(AFTER), strict=True):
            assert all_go_on(users)
            balancer.add(new)
            balancer.remove(old)
        assert all_go_on(users)
