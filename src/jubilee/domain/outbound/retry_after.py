"""When a server may be asked again, as its answer says (RFC 9110, 10.2.3)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, which may be past or endless; None where nothing readable is said.

    A date counts from that of the answer itself, so nobody's clock has to be right.
    """
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        return (_instant(said) - _instant(headers.get("date", ""))).total_seconds()
    except (ValueError, OverflowError):
        return None


def _instant(text: str) -> datetime:
    """Any of the three forms that RFC 9110 has; all of them mean UTC, one without saying so."""
    found = parsedate_to_datetime(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
