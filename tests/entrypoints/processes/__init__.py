"""Processes that are supervised: heartbeat, watchdog, the parent of several."""
