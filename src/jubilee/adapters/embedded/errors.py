"""Errors of the embedded servers; each message is one sentence for the operator."""


class ServerFailed(OSError):
    """An embedded server cannot run on this machine; the message says why and what to do."""


class AlreadyRunning(ServerFailed):
    """Another `jubilee up` uses the same data folder."""
