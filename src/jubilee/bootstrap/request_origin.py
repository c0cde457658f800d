"""Where an act comes from, as the audit log has it."""

from jubilee.bootstrap.logs import correlation_id
from jubilee.domain.audit.entry import RequestOrigin
from jubilee.observation.requests import current_request


def request_origin() -> RequestOrigin:
    """Return client and id of the current request, or the id of the one behind the current job."""
    record = current_request.get()
    if record is None:
        return RequestOrigin(request_id=correlation_id())
    return RequestOrigin(
        record.client or None, record.user_agent, record.request_id, record.impersonator_id
    )
