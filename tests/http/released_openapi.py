"""The OpenAPI document of the last release; `make released-openapi` replaces it by the present one.

Texts and examples are left out: they break no client.
"""

import json
from pathlib import Path
from typing import Any

from jubilee.entrypoints.http.docs.openapi import document
from jubilee.entrypoints.http.registry import ENDPOINTS

RELEASED = Path(__file__).with_name("released_openapi.json")
TEXTS = {"description", "summary", "example", "examples"}
NAMED = {"properties", "headers", "schemas", "parameters"}
"""Members whose own members have names of the API, which may be those of texts."""


def without_texts(part: Any, *, named: bool = False) -> Any:
    """Return a copy without texts and examples."""
    if isinstance(part, list):
        return [without_texts(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {
        key: without_texts(one, named=key in NAMED and not named)
        for key, one in part.items()
        if named or key not in TEXTS
    }


if __name__ == "__main__":
    RELEASED.write_text(json.dumps(without_texts(document(ENDPOINTS)), indent=1) + "\n")
