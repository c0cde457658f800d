"""The Retry-After header of a reply (RFC 9110, 10.2.3)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the delay in seconds, possibly negative or infinite; None if absent or not valid.

    A date is compared with the Date of the reply, so clocks need not agree.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return (_instant(value) - _instant(headers.get("date", ""))).total_seconds()
    except (ValueError, OverflowError):
        return None


def _instant(text: str) -> datetime:
    """Parse any of the three date formats of RFC 9110; the one without a zone is UTC, too."""
    found = parsedate_to_datetime(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
