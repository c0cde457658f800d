"""Celery over Redis with jobs that do nothing: 64 messages prefetched, results ignored.

Its pool is `solo`, in which the worker runs them itself: it takes a quarter less CPU than a child
process.
"""

import sys

from celery import Celery

from tests.benchmarks.peers.stamps import stamp

OPTIONS = ("--pool=solo", "--without-gossip", "--without-mingle", "--without-heartbeat")


def nothing() -> None:
    """Do nothing."""


def make_app(url: str) -> Celery:
    """Make the application of the worker and of its client."""
    app = Celery("bench", broker=url.replace("unix://", "redis+socket://"))
    app.conf.update(
        task_ignore_result=True,
        worker_prefetch_multiplier=64,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
    )
    app.task(nothing, name="nothing")
    app.task(stamp, name="stamped")
    return app


if __name__ == "__main__":
    make_app(sys.argv[1]).worker_main(["--quiet", "worker", "--loglevel=ERROR", *OPTIONS])
