"""ETags, If-Match and If-None-Match."""

import time

import pytest
from starlette.datastructures import Headers

from jubilee.entrypoints.http.framework.conditions import (
    EntityTags,
    MalformedCondition,
    etag,
    is_known,
    precondition,
    read_tags,
)
from jubilee.entrypoints.http.registry import ENDPOINTS

NEVER_CHANGED = {("DELETE", "/service-accounts/{id}")}
"""Writes of resources whose readers cannot have an old version."""


def may_write(version: int, **conditions: str) -> bool:
    """Return whether the headers (with `_` for `-`) allow a write."""
    holds = precondition(Headers({k.replace("_", "-"): v for k, v in conditions.items()}), str)
    return holds is None or holds(version)


def test_a_version_is_a_quoted_tag() -> None:
    assert etag(3) == '"3"'


@pytest.mark.parametrize(
    ("header", "strong", "weak"),
    [
        ('"3"', {"3"}, set()),
        (' \t"3" ', {"3"}, set()),
        ('"1", "2","3"', {"1", "2", "3"}, set()),
        ('W/"3"', set(), {"3"}),
        ('W/"1" , "2"', {"2"}, {"1"}),
        ('"a,b", "c"', {"a,b", "c"}, set()),
        ('""', {""}, set()),
        (', "3",, ', {"3"}, set()),
        ('"\u00e9"', {"\u00e9"}, set()),
    ],
)
def test_a_list_of_tags_is_parsed(header: str, strong: set[str], weak: set[str]) -> None:
    assert read_tags(header) == EntityTags(strong=frozenset(strong), weak=frozenset(weak))


NOT_TAGS = ["3", "'3'", '"3', '3"', "W/3", 'w/"3"', "**", '*,"3"', '"3",*', '"1""2"']


@pytest.mark.parametrize(
    "header", [*NOT_TAGS, "", " ", ",", '"1" "2"', 'W/ "3"', '"a b"', '"\x7f"']
)
def test_a_malformed_list_of_tags_is_refused(header: str) -> None:
    with pytest.raises(MalformedCondition):
        read_tags(header)


@pytest.mark.parametrize("header", [" " * 60_000 + "x", '"' + "x" * 60_000, '"3" ' * 15_000])
def test_a_crafted_header_is_refused_in_linear_time(header: str) -> None:
    started = time.process_time()
    with pytest.raises(MalformedCondition):
        read_tags(header)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("header", "allowed"),
    [
        ('"3"', True),
        ('"1", "3"', True),
        ("*", True),
        ('"2"', False),
        ('W/"3"', False),  # a strong comparison
        ('"03"', False),
        ('"three"', False),
    ],
)
def test_if_match_compares_strongly(header: str, allowed: bool) -> None:
    assert may_write(3, if_match=header) is allowed


def test_a_write_without_a_condition_is_allowed() -> None:
    assert precondition(Headers(), str) is None


@pytest.mark.parametrize("header", ["*", '"3"', 'W/"3"'])
def test_if_none_match_refuses_a_write_to_a_matching_version(header: str) -> None:
    assert not may_write(3, if_none_match=header)
    assert not may_write(3, if_none_match=header, if_match='"3"')


def test_if_none_match_allows_a_write_to_another_version() -> None:
    assert may_write(3, if_none_match='"2"')
    assert may_write(3, if_none_match='"2"', if_match='"3"')


def test_repeated_headers_are_one_list() -> None:
    lines = Headers(raw=[(b"if-match", b'"1"'), (b"if-match", b'"3"')])
    holds = precondition(lines, str)
    assert holds is not None
    assert holds(3)
    with pytest.raises(MalformedCondition):
        precondition(Headers(raw=[(b"if-match", b"*"), (b"if-match", b'"3"')]), str)


@pytest.mark.parametrize("header", ["*", '"3"', 'W/"3"', '"1", W/"3"'])
def test_a_get_compares_weakly(header: str) -> None:
    assert is_known(Headers({"if-none-match": header}), 3)
    assert not is_known(Headers(), 3)
    assert not is_known(Headers({"if-none-match": '"2"'}), 3)


def test_exactly_the_writes_to_what_has_an_etag_are_conditional() -> None:
    tagged = {endpoint.path for endpoint in ENDPOINTS if endpoint.is_tagged}
    expected = {(e.method, e.path) for e in ENDPOINTS if e.path in tagged and e.method != "GET"}
    expected |= {("POST", "/tasks/{task_id}/retry")}
    found = {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS if endpoint.conditional}
    assert found == expected - NEVER_CHANGED
