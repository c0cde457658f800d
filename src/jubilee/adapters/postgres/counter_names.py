"""The rows of the table `counters`; the migrations insert them."""

ANONYMOUS_BIRTHDAYS = "anonymous_birthdays"
"""Birthdays saved without sign-in; bounded by HELLO_MAX_ANONYMOUS."""

EVENTS_PUBLISHED = "events_published"
"""Events passed to their subscribers; a lock on the row lets one relay do it at a time."""

PLANNED_UNTIL = "greetings_planned_until"
"""The seconds since 1970 up to which greetings are planned."""
