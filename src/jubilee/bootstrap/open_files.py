"""The limit of open files, which every connection counts against."""

import logging
import resource

OTHER_FILES = 70
"""Beside connections of clients: pools, log, listeners, libraries."""

logger = logging.getLogger(__name__)


def allow_connections(count: int) -> None:
    """Raise the process' own limit as far as it may be raised; a warning if that is too little."""
    needed = count + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        extra = {"open_files": allowed, "needed": needed}
        logger.warning("too few open files are allowed for MAX_CONNECTIONS", extra=extra)
