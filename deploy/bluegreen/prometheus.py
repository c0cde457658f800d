"""The figures of a colour from a Prometheus server that scrapes every API of it."""

import json
from collections.abc import Iterator
from math import inf
from typing import Any, Literal
from urllib.error import URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

from deploy.bluegreen.colours import Colour, NotReadable
from deploy.bluegreen.figures import UNCOUNTED, UNTIMED, Reading, Series

TIMEOUT_S = 10.0
SELECTOR = 'job="jubilee-api",service="jubilee-{colour}-api-metrics"'
"""As the chart's ServiceMonitor labels the APIs of the releases jubilee-blue and jubilee-green."""

COUNTED = f'endpoint!~"{UNCOUNTED.pattern}"'
FAILED = 'status=~"5..",status!="501"'
"""As in rules/recording.yml: a 501 is an unknown method of the client."""


class PrometheusFigures:
    """Asks for the counters of the targets that a selector with `{colour}` names."""

    def __init__(self, url: str, selector: str = SELECTOR) -> None:
        """Use the server at `url`; its scheme is http or https."""
        if urlsplit(url).scheme not in ("http", "https"):
            raise NotReadable(f"{url} is no URL of a Prometheus")
        self._url, self._selector = url.rstrip("/"), selector

    def read(self, colour: Colour) -> Reading:
        """Read the counters of a colour; raises NotReadable."""
        targets = self._selector.format(colour=colour)
        requests = f"http_requests_total{{{targets},{COUNTED}}}"
        errors = f"http_requests_total{{{targets},{COUNTED},{FAILED}}}"
        timed = f'{targets},endpoint!~"{UNCOUNTED.pattern}|{UNTIMED}"'
        latency = f"http_request_duration_seconds_bucket{{{timed}}}"
        found = dict(self._series("requests", f"sum by (instance) ({requests})"))
        found |= self._series("errors", f"sum by (instance) ({errors})")
        return found | dict(self._series("latency", f"sum by (instance, le) ({latency})"))

    def instances(self, colour: Colour, since: float) -> tuple[int, int]:
        """Return how many APIs answer scrapes and were started since then, and how many exist."""
        targets = self._selector.format(colour=colour)
        started = f"process_start_time_seconds{{{targets}}} > {since}"
        answering = self._ask(f"up{{{targets}}} == 1 and on (instance) ({started})")
        return len(answering), len(self._ask(f"up{{{targets}}}"))

    def _series(
        self, of: Literal["requests", "errors", "latency"], query: str
    ) -> Iterator[tuple[Series, float]]:
        for labels, value in self._ask(query):
            yield Series(of, labels["instance"], float(labels.get("le", inf))), value

    def _ask(self, query: str) -> list[tuple[dict[str, str], float]]:
        url = f"{self._url}/api/v1/query?{urlencode({'query': query})}"
        try:
            with urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310  # the scheme is checked above
                found: dict[str, Any] = json.load(answer)
        except (URLError, OSError, ValueError) as error:
            raise NotReadable(f"Prometheus at {self._url}: {error}") from error
        return [(one["metric"], float(one["value"][1])) for one in found["data"]["result"]]
