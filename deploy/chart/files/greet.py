"""Save a person's birthday, then read the greeting: `python greet.py URL NAME`."""

import http.client
import json
import sys
from urllib.parse import urlsplit

TIMEOUT_S = 10


def main(url: str, name: str) -> int:
    """Return 0 if the person is greeted, else print why not and return 1.

    HELLO_ANONYMOUS may forbid to save the name again, or at all: then it may be unknown.
    """
    saved, _ = _ask(url, "PUT", name, json.dumps({"dateOfBirth": "2000-02-29"}))
    sys.stdout.write(f"PUT /hello/{name} answered {saved}\n")
    if saved not in (http.client.NO_CONTENT, http.client.UNAUTHORIZED, http.client.FORBIDDEN):
        return 1
    status, body = _ask(url, "GET", name)
    sys.stdout.write(f"GET /hello/{name} answered {status}: {body}\n")
    if status == http.client.NOT_FOUND:
        return 0 if saved == http.client.UNAUTHORIZED else 1
    greeted = status == http.client.OK and json.loads(body)["message"].startswith(f"Hello, {name}!")
    return 0 if greeted else 1


def _ask(url: str, method: str, name: str, body: str | None = None) -> tuple[int, str]:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=TIMEOUT_S)
    connection.request(method, f"/hello/{name}", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, response.read().decode()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
