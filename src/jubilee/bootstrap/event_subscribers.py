"""Which jobs are enqueued for which events; the same for the writers and the relay."""

from jubilee.domain.events import Subscribers

EVENT_SUBSCRIBERS: Subscribers = {}
"""Kinds of jobs by event, such as `{"ItemCreated": ("search.index",)}`.

No kind of this release reads an event, so none is written and the relay does nothing. With an entry
here, and a kind of that name, each such event becomes one job.
"""
