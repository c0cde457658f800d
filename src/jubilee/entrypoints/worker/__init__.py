"""The worker process: ARQ queue workers, periodic tasks and the watchdog of the event loop."""
