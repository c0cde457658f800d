"""The payload of `http.request`: strict parsing, and redaction of secrets."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from jubilee.domain.jobs.payload import MASK, invalid_payload, read_text, require_only

METHODS = ("POST", "GET", "PUT", "PATCH", "DELETE", "HEAD")
WITHOUT_BODY = frozenset({"GET", "HEAD"})
PORTS = {"http": 80, "https": 443}
MAX_PORT = 65_535
MAX_URL_CHARS = 2048
MAX_HOST_CHARS = 253
MAX_HEADERS = 50
MAX_HEADER_NAME_CHARS = 100
MAX_HEADER_VALUE_CHARS = 8192

URL = re.compile(r"(https?)://([^/?#]*)([^#]*)(?:#.*)?", re.IGNORECASE)
AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?")
LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*\.?")
LOOKS_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?")
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
HEADER_VALUE = re.compile(r"(?:[!-~](?:[ \t!-~]*[!-~])?)?")
# Set by the service, or meaningful for one hop only.
RESERVED = {
    "accept-encoding", "connection", "content-length", "expect", "host", "idempotency-key",
    "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip
SECRET = re.compile(
    r"([?&][^=&#]*(?:auth|code|credential|key|pass|secret|sig|token)[^=&#]*=)[^&#]*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request; `host` has neither brackets nor upper case, `target` is path and query."""

    method: str
    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes | None = field(repr=False)

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def read_request(data: Mapping[str, object]) -> HttpRequest:
    """Parse the payload; raise InvalidPayload."""
    require_only(data, {"url", "method", "headers", "body"})
    scheme, host, port, target = _url(read_text(data, "url", longest=MAX_URL_CHARS))
    method = data.get("method", "POST")
    if not isinstance(method, str) or method not in METHODS:
        raise invalid_payload(f"must be one of {', '.join(METHODS)}", "method")
    headers = dict(_headers(data.get("headers", {})))
    body = _body(data, method, headers)
    return HttpRequest(
        method=method,
        scheme=scheme,
        host=host,
        port=port,
        target=target,
        headers=tuple(headers.items()),
        body=body,
    )


def redacted_request(data: Mapping[str, object]) -> Mapping[str, object]:
    """Mask all header values, and query parameters with names that suggest secrets."""
    redacted = dict(data)
    if isinstance(headers := data.get("headers"), Mapping):
        redacted["headers"] = dict.fromkeys(headers, MASK)
    if isinstance(url := data.get("url"), str):
        redacted["url"] = SECRET.sub(rf"\1{MASK}", url)
    return redacted


def _url(url: str) -> tuple[str, str, int, str]:
    if any(not "!" <= character <= "~" or character == "\\" for character in url):
        raise invalid_payload("must be ASCII: use percent-encoding or xn--", "url")
    found = URL.fullmatch(url)
    if found is None:
        raise invalid_payload("must start with http:// or https://", "url")
    scheme, authority, target = found[1].lower(), found[2], found[3]
    if "@" in authority:
        raise invalid_payload("must not contain a user or password: use a header", "url")
    host, port = _host_and_port(authority, scheme)
    return scheme, host, port, target if target.startswith("/") else f"/{target}"


def _host_and_port(authority: str, scheme: str) -> tuple[str, int]:
    found = AUTHORITY.fullmatch(authority)
    if found is None:
        raise invalid_payload("must contain a host", "url")
    port = PORTS[scheme] if found[2] is None else int(found[2])
    if not 0 < port <= MAX_PORT:
        raise invalid_payload("the port must be a number from 1 to 65535", "url")
    return _host(found[1]), port


def _host(written: str) -> str:
    try:
        if written.startswith("["):
            return str(IPv6Address(written[1:-1]))
        if LOOKS_NUMERIC.fullmatch(
            written
        ):  # some resolvers read 2130706433 and 0177.1 as 127.0.0.1
            return str(IPv4Address(written))
    except AddressValueError:
        raise invalid_payload(
            "an IP address must be written as 192.0.2.1 or [2001:db8::1]", "url"
        ) from None
    if len(written) > MAX_HOST_CHARS or NAME.fullmatch(written) is None:
        raise invalid_payload("not a valid host name", "url")
    return written.lower().removesuffix(".")


def _headers(value: object) -> Iterator[tuple[str, str]]:
    """Check the headers and iterate over them with lower-case names; duplicates are refused."""
    if not isinstance(value, Mapping):
        raise invalid_payload("must be an object of strings", "headers")
    if len(value) > MAX_HEADERS:
        raise invalid_payload(f"must have at most {MAX_HEADERS} headers", "headers")
    seen = set()
    for name, content in value.items():
        key = _header_name(name)
        if key in seen:
            raise invalid_payload("duplicate header", "headers", name)
        seen.add(key)
        if not isinstance(content, str) or len(content) > MAX_HEADER_VALUE_CHARS:
            raise invalid_payload(
                f"must be a string of at most {MAX_HEADER_VALUE_CHARS} characters", "headers", name
            )
        if HEADER_VALUE.fullmatch(content) is None:
            raise invalid_payload(
                "must be printable ASCII without spaces at the ends", "headers", name
            )
        yield key, content


def _header_name(name: str) -> str:
    if len(name) > MAX_HEADER_NAME_CHARS or HEADER_NAME.fullmatch(name) is None:
        raise invalid_payload("not a valid header name", "headers", name)
    if name.lower() in RESERVED:
        raise invalid_payload("this header is set by the service", "headers", name)
    return name.lower()


def _body(data: Mapping[str, object], method: str, headers: dict[str, str]) -> bytes | None:
    """Return the body: a string with a content type as it is, all else as JSON."""
    if "body" not in data:
        return None
    if method in WITHOUT_BODY:
        raise invalid_payload(f"{method} must not have a body", "body")
    body = data["body"]
    if isinstance(body, str) and "content-type" in headers:
        return _encoded(body)
    headers.setdefault("content-type", "application/json")
    return json.dumps(body, separators=(",", ":")).encode()


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise invalid_payload("must not contain unpaired surrogates", "body") from None
