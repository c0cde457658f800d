"""Bodies that are expensive to parse, over real connections."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import pytest

from tests.http.malformed_bodies import malformed_bodies
from tests.support.api import Api, bearer, sign_up

SENDERS = 10
LONGEST_ANSWER_S = 0.5  # ten bodies of 20 ms, and a margin for a loaded machine
MIB = 1 << 20
CALLS = (
    ("POST", "/auth/token"),
    ("POST", "/users"),
    ("PUT", "/hello/zoe"),
    ("POST", "/tasks"),
    ("PATCH", "/users/me"),
)


def send_all(api: Api, headers: dict[str, str], first: int) -> set[int]:
    """Send every body once, each to another route, and return the statuses."""
    bodies = list(malformed_bodies(MIB).values())
    with api.client(headers={**headers, "Content-Type": "application/json"}) as client:
        sent = zip(bodies, islice(cycle(CALLS), first, None), strict=False)
        return {client.request(*call, content=body).status_code for body, call in sent}


@pytest.mark.timing
def test_ten_parallel_malformed_bodies_do_not_delay_other_requests(api: Api) -> None:
    with api.client() as client, ThreadPoolExecutor(SENDERS) as pool:
        headers = bearer(sign_up(client, "zoe"))
        sending = [pool.submit(send_all, api, headers, at) for at in range(SENDERS)]
        waits = []
        while not all(one.done() for one in sending):
            began = time.monotonic()
            assert client.get("/health/live").status_code == 200
            waits.append(time.monotonic() - began)
        statuses = set().union(*(one.result() for one in sending))
    assert {400, 413, 422} <= statuses
    assert max(statuses) < 500
    assert len(waits) > SENDERS
    # Other programs may delay a few answers; a body that blocks the event loop delays most.
    assert sorted(waits)[int(len(waits) * 0.95)] < LONGEST_ANSWER_S
    assert max(waits) < 2 * LONGEST_ANSWER_S, sorted(waits)[-5:]
