"""What `http.request` says: a request, read strictly, and shown without its secrets."""

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
# Ours to write, or only for the next hop.
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
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def read_request(data: Mapping[str, object]) -> HttpRequest:
    """Raises InvalidPayload."""
    require_only(data, {"url", "method", "headers", "body"})
    scheme, host, port, target = _url(read_text(data, "url", longest=MAX_URL_CHARS))
    method = data.get("method", "POST")
    if not isinstance(method, str) or method not in METHODS:
        raise invalid_payload(f"it is one of {', '.join(METHODS)}", "method")
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
    """The values of headers and of query parameters that sound secret are masked."""
    shown = dict(data)
    if isinstance(headers := data.get("headers"), Mapping):
        shown["headers"] = dict.fromkeys(headers, MASK)
    if isinstance(url := data.get("url"), str):
        shown["url"] = SECRET.sub(rf"\1{MASK}", url)
    return shown


def _url(url: str) -> tuple[str, str, int, str]:
    if any(not "!" <= character <= "~" or character == "\\" for character in url):
        raise invalid_payload(
            "a URL is written in ASCII; the rest is percent-encoded or xn--", "url"
        )
    found = URL.fullmatch(url)
    if found is None:
        raise invalid_payload("it begins with http:// or https://", "url")
    scheme, authority, target = found[1].lower(), found[2], found[3]
    if "@" in authority:
        raise invalid_payload("no user and no password in a URL: use a header", "url")
    host, port = _host_and_port(authority, scheme)
    return scheme, host, port, target if target.startswith("/") else f"/{target}"


def _host_and_port(authority: str, scheme: str) -> tuple[str, int]:
    found = AUTHORITY.fullmatch(authority)
    if found is None:
        raise invalid_payload("it has no host", "url")
    port = PORTS[scheme] if found[2] is None else int(found[2])
    if not 0 < port <= MAX_PORT:
        raise invalid_payload("a port is a number from 1 to 65535", "url")
    return _host(found[1]), port


def _host(written: str) -> str:
    try:
        if written.startswith("["):
            return str(IPv6Address(written[1:-1]))
        if LOOKS_NUMERIC.fullmatch(written):  # as 2130706433 and 0177.1 are 127.0.0.1 to some
            return str(IPv4Address(written))
    except AddressValueError:
        raise invalid_payload(
            "an IP address is written 192.0.2.1 or [2001:db8::1]", "url"
        ) from None
    if len(written) > MAX_HOST_CHARS or NAME.fullmatch(written) is None:
        raise invalid_payload("this is not the name of a host", "url")
    return written.lower().removesuffix(".")


def _headers(value: object) -> Iterator[tuple[str, str]]:
    """Their names are lower case from here on: so they are compared, and so none comes twice."""
    if not isinstance(value, Mapping):
        raise invalid_payload("it is an object of strings", "headers")
    if len(value) > MAX_HEADERS:
        raise invalid_payload(f"at most {MAX_HEADERS} headers", "headers")
    seen = set()
    for name, content in value.items():
        key = _header_name(name)
        if key in seen:
            raise invalid_payload("this header comes twice", "headers", name)
        seen.add(key)
        if not isinstance(content, str) or len(content) > MAX_HEADER_VALUE_CHARS:
            raise invalid_payload(
                f"it is a string of at most {MAX_HEADER_VALUE_CHARS}", "headers", name
            )
        if HEADER_VALUE.fullmatch(content) is None:
            raise invalid_payload("printable ASCII, no space at the ends", "headers", name)
        yield key, content


def _header_name(name: str) -> str:
    if len(name) > MAX_HEADER_NAME_CHARS or HEADER_NAME.fullmatch(name) is None:
        raise invalid_payload("this is not the name of a header", "headers", name)
    if name.lower() in RESERVED:
        raise invalid_payload("the service writes this header itself", "headers", name)
    return name.lower()


def _body(data: Mapping[str, object], method: str, headers: dict[str, str]) -> bytes | None:
    """A text goes out as it is where a content type says what it is; all else is JSON."""
    if "body" not in data:
        return None
    if method in WITHOUT_BODY:
        raise invalid_payload(f"{method} has no body", "body")
    body = data["body"]
    if isinstance(body, str) and "content-type" in headers:
        return _encoded(body)
    headers.setdefault("content-type", "application/json")
    return json.dumps(body, separators=(",", ":")).encode()


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise invalid_payload("it holds half a character", "body") from None
