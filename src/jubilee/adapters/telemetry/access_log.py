"""One line a request, put together by hand: the general way costs several times as much."""

from json.encoder import encode_basestring_ascii as quoted
from time import gmtime, strftime
from typing import Any

from jubilee.adapters.telemetry.logs import Logs, encode
from jubilee.adapters.telemetry.otlp_logs import NONE
from jubilee.adapters.telemetry.sampling import SamplingDecision
from jubilee.adapters.telemetry.tracing import TraceIds
from jubilee.observation.requests import RequestRecord

NANOS = 1_000_000_000


class AccessLog:
    """Writes where the lines of a process go; the same fields as any other line has."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._routes: dict[tuple[str, str, int], str] = {}
        self._second = (0, "")

    @property
    def is_batched(self) -> bool:
        """Whether lines may be written later, some at a time: not where somebody reads along."""
        return not self._logs.is_readable

    def write(self, record: RequestRecord, decided: SamplingDecision | None, at: int) -> None:
        """The line of an answer that ended `at`; an id of a request or a user needs no quoting."""
        logs, ids = self._logs, decided or NONE
        if not logs.informs:
            return
        if logs.is_readable:
            logs.write("request", **_fields(record))
            return
        key = (record.method, record.endpoint, record.status)
        user = f'","user_id":"{record.user_id}' if record.user_id else ""
        logs.put(
            f'{{"timestamp":"{self._clock(at)}.{at % NANOS // 1000:06d}Z","level":"info",'
            f'"event":"request",{self._routes.get(key) or self._new(key)},'
            f'"duration_ms":{record.seconds * 1000:.2f},'
            f'"received":{record.received},"sent":{record.sent},'
            f'"client":{quoted(record.client)},"request_id":"{record.request_id}{user}",'
            f'"trace_id":"{ids.trace_id:032x}","span_id":"{ids.span_id:016x}"}}',
            "info",
            TraceIds(ids.trace_id, ids.span_id, ids.sampled),
            at,
        )

    def _clock(self, at: int) -> str:
        second = at // NANOS
        if second != self._second[0]:
            self._second = (second, strftime("%Y-%m-%dT%H:%M:%S", gmtime(second)))
        return self._second[1]

    def _new(self, key: tuple[str, str, int]) -> str:
        method, endpoint, status = key
        fields = {"method": method, "route": endpoint, "status": int(status)}
        found = self._routes[key] = encode(fields)[1:-1]
        return found


def _fields(record: RequestRecord) -> dict[str, Any]:
    return {
        "method": record.method,
        "route": record.endpoint,
        "status": int(record.status),
        "duration_ms": round(record.seconds * 1000, 2),
        "received": record.received,
        "sent": record.sent,
        "client": record.client,
    }
