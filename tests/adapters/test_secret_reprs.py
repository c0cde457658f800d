"""Objects that contain secrets omit them from their repr."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from jubilee.bootstrap.servers import ServerUrls
from jubilee.entrypoints.http.framework.endpoint import Model
from jubilee.entrypoints.http.registry import ENDPOINTS

PACKAGE = Path(__file__).parents[2] / "src/jubilee"
SECRET_TEXTS = re.compile(
    r"access|refresh|code|new|current|nonce|(\w+_)?(password|secret|token)(_hash)?|sealed|state"
    r"|ticket|uri|url|verifier|html|text|target|key|unsubscribe_url|postgres|redis|server"
)
"""Names of fields that are texts."""

PUBLIC = {
    *("ChainedEntry.client_hash", "ChainedEntry.client_salt", "Mark.digest", "Mark.signature"),
    *("NotedHead.digest", "Seal.digest", "Verification.digest"),
    *("Passkey.credential_id", "RegisteredKey.credential_id"),
    *("ComposedMail.content", "StaticFile.body", "IssuerEndpoints.token", "PublicInfo.url"),
    *("NewJob.key", "PersonalTable.key", "PasswordAttempt.target"),
    *("TextFault.code", "Violation.code"),
}
OTHERS = {
    *("EmailPayload.content", "HttpReply.headers", "HttpRequest.headers", "OpenedKey.private"),
    *("Identity.email", "Identity.subject", "Variables.environment", "Variables.file"),
}
"""Objects that contain secrets, and what identifies an account at a provider."""


@cache
def dataclass_fields() -> dict[str, tuple[str, bool]]:
    """The annotation of each field of a dataclass, and whether its repr shows it."""
    found: dict[str, tuple[str, bool]] = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ClassDef) and "dataclass" in _decorators(node):
                found.update(_fields(node))
    return found


def shown_fields(*annotations: str) -> set[str]:
    """Return the fields of these types that are part of a repr."""
    fields = dataclass_fields().items()
    return {name for name, (kind, is_shown) in fields if is_shown and kind in annotations}


def _decorators(node: ast.ClassDef) -> str:
    return " ".join(map(ast.unparse, node.decorator_list))


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, tuple[str, bool]]]:
    for field in node.body:
        if isinstance(field, ast.AnnAssign):
            is_shown = "repr=False" not in ast.unparse(field)
            name = f"{node.name}.{ast.unparse(field.target)}"
            yield name, (ast.unparse(field.annotation), is_shown)


def test_objects_omit_bytes_that_are_not_public_from_their_repr() -> None:
    assert shown_fields("bytes", "bytes | None", "tuple[bytes, ...]") <= PUBLIC


def test_objects_omit_secret_texts_from_their_repr() -> None:
    texts = shown_fields("str", "str | None")
    assert {name for name in texts if SECRET_TEXTS.fullmatch(name.partition(".")[2])} <= PUBLIC


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_objects_omit_what_contains_secrets_from_their_repr(name: str) -> None:
    assert not dataclass_fields()[name][1]


def test_every_body_and_query_omits_its_values_from_its_repr() -> None:
    models = [model for endpoint in ENDPOINTS for model in (endpoint.body, endpoint.query)]
    assert [model for model in models if model and not issubclass(model, Model)] == []


def test_a_printed_object_has_no_secrets() -> None:
    urls = ServerUrls("postgresql://u:marker@h/d", "redis://:marker@h/0")
    assert "marker" not in f"{urls} {urls!r}"
