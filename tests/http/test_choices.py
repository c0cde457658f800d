"""Bodies with a choice of members: what is documented is what is accepted."""

from itertools import combinations
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint
from jubilee.entrypoints.http.passkey_models import CREDENTIAL_EXAMPLE
from jubilee.entrypoints.http.registry import ENDPOINTS

EXAMPLES: dict[str, Any] = {
    "token": "x",
    "email": "zoe@example.com",
    "code": "287082",
    "password": "correct horse battery",
    "mfa_token": "x",
    "recovery_code": "7Q4K-XPW2-M9TZ-C3HD-V8RB-J5NF",
    "credential": CREDENTIAL_EXAMPLE,
}
CHOICES = {
    endpoint.name: endpoint
    for endpoint in ENDPOINTS
    if endpoint.body is not None and endpoint.body_schema is not None and endpoint.tag == "auth"
}


def accepted(model: type[BaseModel] | None, members: list[str]) -> list[tuple[str, ...]]:
    """The sets of members, with valid values, that the model accepts."""
    assert model is not None
    sizes = range(len(members) + 1)
    return [each for n in sizes for each in combinations(members, n) if is_valid(model, each)]


def is_valid(model: type[BaseModel], names: tuple[str, ...]) -> bool:
    try:
        model.model_validate({name: EXAMPLES[name] for name in names})
    except ValidationError:
        return False
    return True


def test_proofs_second_factors_and_resets_have_a_choice() -> None:
    assert {"verifyEmail", "resetPassword", "reauthenticate", "completeSignIn"} < CHOICES.keys()


@pytest.mark.parametrize("endpoint", CHOICES.values(), ids=CHOICES)
def test_the_choices_are_accepted_as_documented(endpoint: AnyEndpoint) -> None:
    members = list(endpoint.body.model_fields) if endpoint.body else []
    found = accepted(endpoint.body, members)
    assert found == accepted(endpoint.body_schema, members)
    assert len(found) == (3 if endpoint.name == "reauthenticate" else 2)


@pytest.mark.parametrize("endpoint", CHOICES.values(), ids=CHOICES)
def test_a_member_that_is_null_is_refused(endpoint: AnyEndpoint) -> None:
    assert endpoint.body is not None
    choice = accepted(endpoint.body, list(endpoint.body.model_fields))[0]
    values = {name: EXAMPLES[name] for name in choice}
    for name in endpoint.body.model_fields.keys() - values.keys():
        with pytest.raises(ValidationError):
            endpoint.body.model_validate({**values, name: None})
