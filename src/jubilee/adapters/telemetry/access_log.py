"""The access log: one line a request, formatted by hand as structlog costs several times more."""

from json.encoder import encode_basestring_ascii as quoted
from time import gmtime, strftime
from typing import Any

from jubilee.adapters.telemetry.logs import Logs, encode
from jubilee.adapters.telemetry.sampling import SamplingDecision
from jubilee.adapters.telemetry.tracing import NO_TRACE_IDS, TraceIds
from jubilee.observation.requests import RequestRecord

NS_PER_S = 1_000_000_000


class AccessLog:
    """Writes access lines to the process' log, with the fields that all lines have."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._routes: dict[tuple[str, str, int], str] = {}
        self._second = (0, "")

    @property
    def is_batched(self) -> bool:
        """Whether lines may be written in batches; not in the readable format of a terminal."""
        return not self._logs.is_readable

    def write(self, record: RequestRecord, decision: SamplingDecision | None, at: int) -> None:
        """Write the line of a response that ended `at` (ns since 1970); ids need no quoting."""
        logs, ids = self._logs, decision or NO_TRACE_IDS
        if not logs.writes_info:
            return
        if logs.is_readable:
            logs.write("request", **_fields(record))
            return
        key = (record.method, record.endpoint, record.status)
        user = f'","user_id":"{record.user_id}' if record.user_id else ""
        logs.put(
            f'{{"timestamp":"{self._clock(at)}.{at % NS_PER_S // 1000:06d}Z","level":"info",'
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
        second = at // NS_PER_S
        if second != self._second[0]:
            self._second = (second, strftime("%Y-%m-%dT%H:%M:%S", gmtime(second)))
        return self._second[1]

    def _new(self, key: tuple[str, str, int]) -> str:
        method, endpoint, status = key
        process = {} if self._logs.process is None else {"process": self._logs.process}
        fields = {**process, "method": method, "route": endpoint, "status": int(status)}
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
