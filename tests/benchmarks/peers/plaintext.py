"""A: the least that ASGI allows."""

from starlette.types import Receive, Scope, Send

from tests.benchmarks.peers.serving import serve

HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"5")]


async def app(scope: Scope, _: Receive, send: Send) -> None:
    """Answer `hello`."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": b"hello"})


if __name__ == "__main__":
    serve(app)
