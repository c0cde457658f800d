"""Bodies of a given size in bytes that are expensive to parse."""

from collections.abc import Iterator

DEEPER = 60  # levels, within the bound


def malformed_bodies(size: int) -> dict[str, bytes]:
    """Some are JSON within every bound, some pass one, some are no JSON at all."""
    return {name: body[:size] for name, body in _bodies(size)}


def _bodies(size: int) -> Iterator[tuple[str, bytes]]:
    yield "a list at the top", b"[" + b"0," * size
    yield "a list of zeros", _data(b"[" + b"0," * (size // 2 - 40) + b"0]")
    yield "open lists", b'{"data":' + b"[" * size
    yield "open objects", b'{"data":' + b'{"a":' * size
    yield "many small objects", _data(b"[" + b'{"a":{}},' * (size // 9 - 10) + b"0]")
    yield "backslashes", b'{"data":"' + b"\\" * size
    yield "quotes", b'{"data":' + b'"' * size
    yield "one long text", _data(b'"%s"' % (b"x" * (size - 60)))
    yield "a text of commas and brackets", _data(b'"%s"' % (b",[{" * (size // 3 - 40)))
    yield "a text of escapes", _data(b'"%s"' % (b"\\n" * (size // 2 - 40)))
    yield "a text of escaped emoji", _data(b'"%s"' % (b"\\ud83d\\ude00" * (size // 12 - 10)))
    yield "a text of lone surrogates", _data(b'"%s"' % (b"\\ud800" * (size // 6 - 20)))
    yield "a text of NULs", _data(b'"%s"' % (b"\\u0000" * (size // 6 - 20)))
    yield "one long integer", _data(b"9" * (size - 60))
    yield "one long fraction", _data(b"0." + b"9" * (size - 60))
    yield "a power", _data(b"9" * (size - 70) + b"e-1000000")
    yield "spaces", b'{"data":' + b" " * (size - 20) + b"{}}"
    yield "brackets that only close", b"{}" + b"]" * size
    yield from _within_bounds(size)


def _within_bounds(size: int) -> Iterator[tuple[str, bytes]]:
    """Bodies that are close to the limits, but within them."""
    count = min(9_900, size // 12)
    name = b"n" * max(0, min(90, size // count - 12))
    yield "many zeros", _data(b"[" + b"0," * count + b"0]")
    yield "many long integers", _data(b"[" + b"9" * 100 + (b"," + b"9" * 90) * (count // 10) + b"]")
    yield "many fractions", _data(b"[" + b"0.123456," * (size // 12) + b"0]")
    yield "many texts", _data(b"[" + b'"\\u00e9",' * (count - 40) + b"0]")
    yield "many faults", _data(b"[" + b'"\\u0000",' * (count - 40) + b"0]")
    members = b",".join(b'"%s%d":0' % (name, number) for number in range(count // 2))
    yield "many members", _data(b"{%s}" % members)
    yield "many unknown members", b"{%s}" % members
    tower = b'{"a":' * DEEPER + b"0" + b"}" * DEEPER
    towers = min(150, size // len(tower) - 1)
    yield "towers", _data(b"[" + b",".join([tower] * towers) + b"]")
    faulty = (b'{"%s":' % name) * DEEPER + b'"\\u0000"' + b"}" * DEEPER
    towers = min(150, size // len(faulty) - 1)
    yield "faults at the top of towers", _data(b"[" + b",".join([faulty] * towers) + b"]")


def _data(value: bytes) -> bytes:
    return b'{"kind":"echo","data":{"a":%s}}' % value
