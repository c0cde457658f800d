"""Which jobs are enqueued for which events; the same for the writers and the relay."""

from jubilee.domain.events import Subscribers

EVENT_SUBSCRIBERS: Subscribers = {}
"""None yet: no event is written, and the relay is idle."""
