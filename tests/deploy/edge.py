"""The HAProxy of deploy/compose as a process, with an API of each colour behind it."""

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from tests.deploy.conftest import ROOT, eventually
from tests.monitoring.debian import haproxy
from tests.support.api import Api
from tests.support.running import free_port

CONFIGURATION = ROOT / "deploy/compose/haproxy/haproxy.cfg"
THREADS = 4
PAUSE_S = 0.01


@dataclass
class Load:
    """GET /hello/Zoe again and again, on connections that stay open."""

    url: str
    answers: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)
    restarts: int = 0

    def restart(self) -> None:
        """Forget the answers to all requests that have begun so far."""
        self.restarts += 1
        self.answers.clear()

    def run(self) -> None:
        """Send requests until it is over."""
        with httpx2.Client(base_url=self.url, verify=False, timeout=60) as client:
            while not self.over.is_set():
                count, answer = self.restarts, self._answer(client)
                if count == self.restarts:
                    self.answers[answer] += 1
                time.sleep(PAUSE_S)

    def _answer(self, client: httpx2.Client) -> str:
        try:
            return str(client.get("/hello/Zoe").status_code)
        except httpx2.HTTPError as error:
            return repr(error)


class Edge:
    """One HAProxy; green is drained until a release switches."""

    def __init__(self, at: Path, blue: Api, green_port: int) -> None:
        """Run it with the working folder `at`."""
        self.admin, self.green_port, port = at / "admin.sock", green_port, free_port()
        self.url = f"https://127.0.0.1:{port}"
        program, libraries = haproxy()
        env = {
            **libraries,
            "TLS_FILE": str(_certificate(at)),
            "ADMIN_SOCKET": str(self.admin),
            "HTTP_BIND": f"127.0.0.1:{free_port()}",
            "HTTPS_BIND": f"127.0.0.1:{port}",
            "HEALTH_BIND": f"127.0.0.1:{free_port()}",
            "BLUE_API": f"127.0.0.1:{blue.port}",
            "GREEN_API": f"127.0.0.1:{green_port}",
        }
        self._log = at / "haproxy.log"
        with self._log.open("wb") as log:
            command = (program, "-db", "-f", CONFIGURATION)
            self._process = subprocess.Popen(command, env=env, stdout=log, stderr=log)

    def ready(self) -> "Edge":
        """Wait until it passes requests on."""
        assert eventually(self._answers), self._log.read_text()
        return self

    def end(self) -> None:
        """Stop it."""
        self._process.kill()
        self._process.wait(30)

    @contextmanager
    def load(self) -> Iterator[Load]:
        """Keep it under load."""
        load = Load(self.url)
        with ThreadPoolExecutor(THREADS) as threads:
            ends = [threads.submit(load.run) for _ in range(THREADS)]
            try:
                yield load
            finally:
                load.over.set()
        for end in ends:
            end.result()

    def _answers(self) -> bool:
        try:
            found = httpx2.get(f"{self.url}/health/ready", verify=False, timeout=30)
        except httpx2.HTTPError:
            return False
        return found.status_code == 200


def _certificate(at: Path) -> Path:
    key, certificate, both = at / "tls.key", at / "tls.crt", at / "tls.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ("-subj", "/CN=localhost", "-keyout", key, "-out", certificate)
    subprocess.run((*command.split(), *names), check=True, capture_output=True)
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    return both
