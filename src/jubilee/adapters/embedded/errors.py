"""What can go wrong with the embedded servers, each a sentence for the person who started them."""


class ServerFailed(OSError):
    """This machine does not let an embedded server run; the message says why and what to do."""


class AlreadyRunning(ServerFailed):
    """Another process runs Jubilee on the same data folder."""
