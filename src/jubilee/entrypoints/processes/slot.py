"""What a child process shares with its parent: its number, a folder, the listening sockets."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jubilee.entrypoints.processes.heartbeat_file import HeartbeatFile

NUMBER, FOLDER = "JUBILEE_PROCESS", "JUBILEE_PROCESS_FOLDER"
LISTENERS, RESTARTS = "JUBILEE_PROCESS_LISTENERS", "JUBILEE_PROCESS_RESTARTS"


@dataclass(frozen=True, slots=True)
class ProcessSlot:
    """The place of one of several processes; a restarted process takes that of the one before."""

    number: int
    """From 1 on; the value of the label and of the log field `process`."""
    folder: Path
    """Holds the heartbeat files and the sockets of the metrics of all processes."""
    listeners: tuple[int, ...] = ()
    """Descriptors of the sockets on which the parent listens."""
    restarts: int = 0
    """How many processes have had this place before."""

    @property
    def heartbeat(self) -> HeartbeatFile:
        """The file that shows that this process has started, and that its event loop runs."""
        return HeartbeatFile(self.folder / f"heartbeat-{self.number}")

    def variables(self) -> Mapping[str, str]:
        """Return the variables that tell a child process its slot."""
        listeners = ",".join(map(str, self.listeners))
        return {
            NUMBER: str(self.number),
            FOLDER: str(self.folder),
            LISTENERS: listeners,
            RESTARTS: str(self.restarts),
        }


def own_slot() -> ProcessSlot | None:
    """Return the slot that the environment names; None if this is no child of several."""
    number = os.environ.get(NUMBER)
    if number is None:
        return None
    listeners = os.environ[LISTENERS]
    return ProcessSlot(
        int(number),
        Path(os.environ[FOLDER]),
        tuple(map(int, listeners.split(","))) if listeners else (),
        int(os.environ[RESTARTS]),
    )
