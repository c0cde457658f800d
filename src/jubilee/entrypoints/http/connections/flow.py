"""When a connection is read from: the application, the answer and the parser each may stop it."""

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.flow_control import FlowControl


class ReadFlow(FlowControl):
    """uvicorn's, but what waits here is parsed before more is read.

    `read_paused` is the application's wish alone: it has enough of a body. `hold` and `release`
    are the parser's.
    """

    def __init__(self, transport: asyncio.Transport, advance: Callable[[], None]) -> None:
        """`advance` parses what waits, and then calls `hold` or `release`."""
        super().__init__(transport)
        self._advance = advance
        self._held = False

    def pause_reading(self) -> None:
        """Stop until the application wants more of the body."""
        self.read_paused = True
        self.hold()

    def resume_reading(self) -> None:
        """The application wants more, or has answered."""
        if self.read_paused:
            self.read_paused = False
            self._advance()

    def hold(self) -> None:
        """Read no more from the socket."""
        if not self._held:
            self._held = True
            self._transport.pause_reading()

    def release(self) -> None:
        """Read on."""
        if self._held:
            self._held = False
            self._transport.resume_reading()
