"""Settings of given variables, and the refusal of invalid ones."""

import pytest
from pydantic import ValidationError

from jubilee.settings import Settings

STRONG = "3f0c6Jq9vX1mWb8Tz5Kd2Rs7Ly4Hn0Pa"
"""A secret that production accepts."""


def given(env: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        env.setenv(name, value)
    return Settings()


def refusal(env: pytest.MonkeyPatch, **variables: str) -> str:
    """Return the error message of invalid settings, which must not contain their values."""
    with pytest.raises(ValidationError) as refused:
        given(env, **variables)
    notes = "\n".join(
        f"{details['loc']} {details['msg']}"
        for details in refused.value.errors(include_url=False, include_input=False)
    )
    for value in variables.values():
        assert not value.strip() or value not in notes + str(refused.value)
    return notes
