"""Mail as files, for development: an `.eml` file per message, which mail programs can open."""

import asyncio
import os
import re
from email.headerregistry import Address
from pathlib import Path
from secrets import token_hex

from jubilee.adapters.mail.composing import compose
from jubilee.domain.clock import Clock
from jubilee.domain.errors import Unavailable
from jubilee.domain.mail import MailMessage, MailSender

UNFIT_FOR_A_NAME = re.compile(r"[^A-Za-z0-9@._-]")


class EmlMailSender(MailSender):
    """Writes messages into a folder, readable by the owner only; creates it if needed."""

    def __init__(self, folder: Path, sender: Address, clock: Clock) -> None:
        self._folder = folder
        self._sender = sender
        self._clock = clock

    async def send(self, message: MailMessage) -> None:
        """Write the message; one with the same Message-ID is replaced."""
        content = compose(message, self._sender, self._clock()).content
        name = UNFIT_FOR_A_NAME.sub("_", message.message_id.strip("<>"))
        try:
            await asyncio.to_thread(self._write, name, content)
        except OSError as error:
            raise Unavailable(f"the message cannot be written: {error.strerror}") from error

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._folder / f".{token_hex(8)}.draft"
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._folder / f"{name}.eml")
        finally:
            draft.unlink(missing_ok=True)
