"""Writes small files of MaxMind's format (MMDB 2.0), which places of addresses are read from."""

from collections.abc import Mapping
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from typing import TypeAlias

Value: TypeAlias = "str | int | list[Value] | Mapping[str, Value]"
Tree: TypeAlias = "list[Tree | bytes | None]"

MARKER = b"\xab\xcd\xefMaxMind.com"
SEPARATOR = bytes(16)
STRING, INTEGER, MAP, LIST = 2, 6, 7, 11
IPV4_BITS = 96  # of an IPv6 address, before those of an IPv4 address


def write_mmdb(path: Path, places: Mapping[str, Value]) -> Path:
    """Write a database of these records by network, such as `192.0.2.0/24`; return its path."""
    root: Tree = [None, None]
    for text, record in places.items():
        _insert(root, text, encoded(record))
    nodes = _numbered(root)
    tree, data = _search_tree(nodes)
    metadata: Value = {
        "node_count": len(nodes),
        "record_size": 32,
        "ip_version": 6,
        "database_type": "Test-City",
        "languages": ["en"],
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1,
        "description": {"en": "places for tests"},
    }
    path.write_bytes(tree + SEPARATOR + data + MARKER + encoded(metadata))
    return path


def encoded(value: Value) -> bytes:
    """Encode a value of the data section; texts and collections of up to 284 bytes or members."""
    if isinstance(value, str):
        content = value.encode()
        return _control(STRING, len(content)) + content
    if isinstance(value, int):
        content = value.to_bytes(4, "big")
        return _control(INTEGER, len(content)) + content
    if isinstance(value, list):
        return _control(LIST, len(value)) + b"".join(map(encoded, value))
    members = (encoded(name) + encoded(member) for name, member in value.items())
    return _control(MAP, len(value)) + b"".join(members)


def _control(kind: int, size: int) -> bytes:
    first = min(size, 29) | (kind << 5 if kind < 8 else 0)
    more = bytes([kind - 7]) if kind >= 8 else b""
    return bytes([first]) + more + (bytes([size - 29]) if size >= 29 else b"")


def _insert(root: Tree, network: str, record: bytes) -> None:
    found = ip_network(network)
    is_ipv4 = isinstance(found.network_address, IPv4Address)
    address = int(found.network_address)
    node, length = root, found.prefixlen + (IPV4_BITS if is_ipv4 else 0)
    for place in range(length - 1):
        side = address >> (127 - place) & 1
        child = node[side]
        if not isinstance(child, list):
            child = node[side] = [None, None]
        node = child
    node[address >> (128 - length) & 1] = record


def _numbered(root: Tree) -> list[Tree]:
    nodes = [root]
    for node in nodes:
        nodes.extend(child for child in node if isinstance(child, list))
    return nodes


def _search_tree(nodes: list[Tree]) -> tuple[bytes, bytes]:
    numbers = {id(node): number for number, node in enumerate(nodes)}
    tree, data = b"", b""
    for node in nodes:
        for child in node:
            if isinstance(child, list):
                number = numbers[id(child)]
            elif child is None:
                number = len(nodes)
            else:
                number = len(nodes) + len(SEPARATOR) + len(data)
                data += child
            tree += number.to_bytes(4, "big")
    return tree, data
