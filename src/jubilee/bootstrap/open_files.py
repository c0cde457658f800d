"""The limit on open files (RLIMIT_NOFILE); every connection needs one."""

import logging
import resource

OTHER_OPEN_FILES = 70
"""Open files of a process besides client connections: pools, log, listeners, libraries."""

logger = logging.getLogger(__name__)


def allow_connections(count: int) -> None:
    """Raise the soft limit for `count` client connections; warn if the hard limit is too low."""
    needed = count + OTHER_OPEN_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        extra = {"open_files": allowed, "needed": needed}
        logger.warning("too few open files are allowed for MAX_CONNECTIONS", extra=extra)
