"""Jobs in PostgreSQL: enqueueing, claiming, finishing, relaying and reporting.

The states of a job (column `status`), and the statement that makes each transition:

    queue.ADD, tasks.ADD, jubilee.enqueue
            |
            v
    +-> queued ----------------- store.CLAIM -----------------> running
    |     |                                                        |
    |     | tasks.CANCEL                                           |
    |     v                                                        |
    |   cancelled <-- store.END: where cancel_requested_at --------+
    |                 was set by tasks.REQUEST_CANCEL              |
    |                                                              |
    +---------------- store.RETRY: failed, after a backoff --------+
    +---------------- store.RELEASE: drained, not counted ---------+
    +---------------- due_jobs.EXPIRE: its worker died ------------+
    |                                                              |
    |   succeeded <-- store.END: job_completion commits -----------+
    |                                                              |
    |   dead <------- store.END: permanent failure, or attempts ---+
    |     |           equal to max_attempts                        |
    |     | <-------- due_jobs.EXPIRE: the same, or crashes -------+
    |     |           equal to JOB_MAX_CRASHES
    +-----+ tasks.RETRY

`store.CLAIM` increments `epoch`; every later statement of the attempt names it, so that an attempt
whose lease has ended changes nothing. `dispatched_at` marks a queued job that was sent to Redis
(`due_jobs.MARK_DUE`). Jobs that have ended are deleted by `tasks.REMOVE` and `due_jobs.PRUNE`.
"""
