"""The number of strings in a body, counted before it is parsed."""

import pytest

from jubilee.entrypoints.http.framework.json_bounds import MAX_DEPTH, MAX_QUOTES, check_bounds
from jubilee.entrypoints.http.framework.problems import MalformedBody

LISTS = b"[]" * (MAX_DEPTH + 1)
"""So many brackets that the strings are looked at."""


def test_strings_without_commas_are_limited_as_well() -> None:
    check_bounds(LISTS + b'"' * MAX_QUOTES)
    with pytest.raises(MalformedBody, match="more than 10000 values"):
        check_bounds(LISTS + b'"' * (MAX_QUOTES + 2))
