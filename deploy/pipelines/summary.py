"""`python3 -m deploy.pipelines.summary REPORT…`: a table of JUnit reports, in Markdown.

In a workflow its output is the page of the run, with the message of each failure.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, parse

MAX_FAILURES = 20
MAX_CHARS = 300
HEAD = "| report | tests | failed | skipped | seconds |\n|---|---|---|---|---|"


def summary(reports: list[Path]) -> str:
    """Return the text for these reports; one that is missing is said to be."""
    lines, failures = [HEAD], []
    for report in reports:
        if not report.exists():
            lines.append(f"| {report.stem} | no report | | | |")
            continue
        suites = list(parse(report).getroot().iter("testsuite"))  # noqa: S314  # written by our own tests
        failed = _sum(suites, "failures") + _sum(suites, "errors")
        seconds = sum(float(suite.get("time", 0)) for suite in suites)
        row = (_sum(suites, "tests"), failed, _sum(suites, "skipped"), f"{seconds:.0f}")
        lines.append(f"| {report.stem} | {' | '.join(map(str, row))} |")
        failures += [line for suite in suites for line in _failures(suite)]
    return "\n".join([*lines, "", *failures[:MAX_FAILURES]]) + "\n"


def _sum(suites: list[Element], attribute: str) -> int:
    return sum(int(suite.get(attribute, 0)) for suite in suites)


def _failures(suite: Element) -> Iterator[str]:
    for case in suite.iter("testcase"):
        for failure in (*case.findall("failure"), *case.findall("error")):
            message = " ".join((failure.get("message") or "").split())[:MAX_CHARS]
            yield f"- `{case.get('classname')}::{case.get('name')}`: {message}"


if __name__ == "__main__":
    print(summary([Path(name) for name in sys.argv[1:]]))
