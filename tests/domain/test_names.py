"""Names of people, as accounts keep them."""

import pytest

from jubilee.domain.names import MAX_FULL_NAME_CHARS, InvalidFullName, normalized_full_name


def test_a_full_name_is_limited_and_composed() -> None:
    longest = "Zoe\u0308" + "z" * (MAX_FULL_NAME_CHARS - 3)
    assert normalized_full_name(longest) == "Zo\u00eb" + "z" * (MAX_FULL_NAME_CHARS - 3)
    with pytest.raises(InvalidFullName, match=f"at most {MAX_FULL_NAME_CHARS} characters"):
        normalized_full_name(f"{longest}z")


@pytest.mark.parametrize("name", ["", "\u202eZoe", "Zoe\n", "z" * MAX_FULL_NAME_CHARS + "\n"])
def test_a_full_name_with_a_fault_is_refused_by_it(name: str) -> None:
    with pytest.raises(InvalidFullName) as refused:
        normalized_full_name(name)
    assert "at most" not in str(refused.value)
    assert refused.value.pointer == "/full_name"
