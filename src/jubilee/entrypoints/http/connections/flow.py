"""Flow control of reading: the application and the parser can each pause a connection."""

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.flow_control import FlowControl


class ReadFlow(FlowControl):
    """uvicorn's flow control, which parses waiting bytes before it reads more.

    `read_paused` is set by the application alone, when it has buffered enough of a body; `hold` and
    `release` belong to the parser.
    """

    def __init__(self, transport: asyncio.Transport, advance: Callable[[], None]) -> None:
        """`advance` parses the waiting bytes, and then calls `hold` or `release`."""
        super().__init__(transport)
        self._advance = advance
        self._held = False

    def pause_reading(self) -> None:
        """Pause until the application reads more of the body."""
        self.read_paused = True
        self.hold()

    def resume_reading(self) -> None:
        """Continue: the application reads on, or has responded."""
        if self.read_paused:
            self.read_paused = False
            self._advance()

    def hold(self) -> None:
        """Stop reading from the socket."""
        if not self._held:
            self._held = True
            self._transport.pause_reading()

    def release(self) -> None:
        """Read from the socket again."""
        if self._held:
            self._held = False
            self._transport.resume_reading()
