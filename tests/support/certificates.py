"""Self-signed certificates for TLS servers in tests."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """The TLS contexts of a server and of a client that trusts it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def make_certificate(folder: Path, name: str) -> Certificate:
    """Create a self-signed certificate for `name`, such as `DNS:mail.test` or `IP:127.0.0.1`."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    subject = ("-subj", "/CN=test", "-addext", f"subjectAltName={name}")
    files = ("-keyout", str(key), "-out", str(cert))
    command = ("openssl", "req", "-x509", *curve, *subject, *files)
    subprocess.run(command, check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    return Certificate(server, ssl.create_default_context(cafile=str(cert)))
