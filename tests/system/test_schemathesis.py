"""Schemathesis against the running service: anonymous callers, users and admins.

Without FUZZ_EXAMPLES the cases are few, and the same at every run. With it there are more, chosen
anew (`make fuzz`): ten of each operation in the pipeline of a change, 500 in the nightly one.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.servers import Servers
from tests.support.api import Starter

ROOT = Path(__file__).parents[2]
CONFIG = Path(__file__).with_name("schemathesis.toml")
TOOL = Path(sys.executable).with_name("schemathesis")
EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
FEW = (
    "--phases",
    "examples,fuzzing,stateful",
    "--max-examples",
    "2",
    "--generation-deterministic",
)
MANY = ("--max-examples", EXAMPLES or "")
MAX_SECONDS = 900 if EXAMPLES is None else 3600
MAX_RESPONSE_S = "30" if EXAMPLES is None else "5"  # of one answer; beside other tests it may wait
MIN_CASES = 250  # per role


def environment(role: str, url: str, database_url: str) -> Mapping[str, str]:
    """Return the variables of the tool and of the hooks that sign its requests in."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.system.fuzzing",
        "FUZZ_ROLE": role,
        "FUZZ_URL": url,
        "FUZZ_DATABASE_URL": database_url,
    }


@pytest.mark.parametrize("role", ["anonymous", "user", "admin"])
def test_every_response_conforms_to_the_document(
    start_api: Starter, servers: Servers, database_url: str, tmp_path: Path, role: str
) -> None:
    api = start_api(database_url, servers.redis_url, TRUSTED_PROXIES="127.0.0.1").ready()
    where = (f"{api.url}/openapi.json", "--url", f"{api.url}/api", "--no-color")
    checks = ("--checks", "all", "--continue-on-failure")
    times = ("--max-response-time", MAX_RESPONSE_S, "--request-timeout", "60")
    cases = MANY if EXAMPLES else FEW
    ran = subprocess.run(
        (TOOL, "--config-file", CONFIG, "run", *where, *checks, *times, *cases),
        cwd=tmp_path,
        env=environment(role, api.url, database_url),
        capture_output=True,
        text=True,
        timeout=MAX_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    summary = ran.stdout.partition("= SUMMARY =")[2]
    sys.stdout.write(f"{role} {summary}")  # for `pytest -rP`
    (cases,) = re.findall(r"([\d,]+) generated", summary)
    assert int(cases.replace(",", "")) >= MIN_CASES
    assert "Traceback" not in api.output
