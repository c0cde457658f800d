"""The program `jubilee`."""

import signal

# Until a command takes signals itself, Ctrl-C ends the process at once and without a traceback,
# also while modules are still being loaded. Where it was ignored from outside, it stays so.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from jubilee.commands.line import main  # after the handler is set: it loads for long

__all__ = ["main"]

if __name__ == "__main__":
    main()
