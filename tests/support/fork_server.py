"""Run modules in forks of one process that has loaded the service.

`python -m tests.support.fork_server FD`: FD is a socket. Each message at it is a JSON object of
`command` (a module and its arguments), `env` and `folder`, with the descriptors of standard input,
output, error, and of a pipe to which the process id and the exit status are written. Loading the
service takes a second of CPU time, and the tests start it hundreds of times.
"""

import gc
import json
import os
import runpy
import signal
import socket
import struct
import sys
import threading
from importlib import import_module
from pkgutil import iter_modules

import jubilee.commands
from jubilee.domain.calendar import zone_names

NUMBER = struct.Struct("i")
MESSAGE_BYTES = 1 << 17
LOADED_AT_USE = (
    "email_validator",
    "jubilee.adapters.http_sender",
    "sqlalchemy.dialects.postgresql.asyncpg",
)


def main() -> None:
    """Fork for each message, until the socket is closed; a fork runs the module."""
    control = socket.socket(fileno=int(sys.argv[1]))
    load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the monitors are reaped by the system
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 4)
        if not message:
            return
        if os.fork() == 0:
            break
        for descriptor in descriptors:
            os.close(descriptor)
    control.close()
    monitor_child(descriptors.pop())
    become(descriptors, **json.loads(message))


def load() -> None:
    """Import what any command imports, and read the time zones that its settings are checked by."""
    gc.disable()
    for module in iter_modules(jubilee.commands.__path__):
        import_module(f"jubilee.commands.{module.name}")
    for name in LOADED_AT_USE:
        import_module(name)
    zone_names()
    gc.enable()
    gc.freeze()  # so that collections of the forks do not touch, and thereby copy, shared pages
    assert threading.active_count() == 1, "a fork has no other threads"


def monitor_child(pipe: int) -> None:
    """Fork again: the child returns, its parent reports to the pipe and ends with the child."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os.close(pipe)
        return
    os.write(pipe, NUMBER.pack(child))
    os.closerange(0, pipe)
    _, status = os.waitpid(child, 0)
    os.write(pipe, NUMBER.pack(status))
    os._exit(0)


def become(descriptors: list[int], command: list[str], env: dict[str, str], folder: str) -> None:
    """Run the module as a new process with this environment and working folder would."""
    os.setsid()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    sys.path[0] = folder
    sys.argv = command
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
