"""The OpenAPI document as a Postman collection 2.1, which Bruno imports, too."""

import json
from collections.abc import Iterator

from jubilee.entrypoints.http.docs.components import Json
from jubilee.entrypoints.http.framework.endpoint import FORM

FORMAT = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
LOCAL_URL = "http://127.0.0.1:8000"
TOKEN = "access_token"  # noqa: S105  # the name of a variable
SIGN_INS = {"/auth/token", "/auth/login", "/auth/refresh"}
KEEP_TOKEN = (
    "if (pm.response.code === 200)",
    f'    pm.collectionVariables.set("{TOKEN}", pm.response.json().{TOKEN});',
)


def postman_collection(document: Json) -> Json:
    """Return a folder for each tag, with a request for each operation and its example body.

    A sign-in keeps its access token in a variable of the collection, which later requests send.
    """
    server: str = document["servers"][0]["url"]
    base = LOCAL_URL + server if server.startswith("/") else server
    return {
        "info": {
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "schema": FORMAT,
        },
        "auth": {
            "type": "bearer",
            "bearer": [{"key": "token", "value": f"{{{{{TOKEN}}}}}", "type": "string"}],
        },
        "variable": [{"key": "base_url", "value": base}, {"key": TOKEN, "value": ""}],
        "item": [
            {
                "name": tag["name"],
                "description": tag["description"],
                "item": list(_requests(document, tag["name"])),
            }
            for tag in document["tags"]
        ],
    }


def _requests(document: Json, tag: str) -> Iterator[Json]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield _request(document, method.upper(), path, operation)


def _request(document: Json, method: str, path: str, operation: Json) -> Json:
    found = [_parameter(document, one) for one in operation.get("parameters", [])]
    request: Json = {
        "method": method,
        "description": operation["description"],
        "url": _url(path, found),
        "header": [_optional(one) for one in found if one["in"] == "header"],
    }
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        request["header"].append({"key": "Content-Type", "value": media})
        request["body"] = _body(media, content)
    item: Json = {"name": operation["summary"], "request": request}
    if not operation["security"] or {} in operation["security"]:
        request["auth"] = {"type": "noauth"}
    if path in SIGN_INS:
        script = {"type": "text/javascript", "exec": list(KEEP_TOKEN)}
        item["event"] = [{"listen": "test", "script": script}]
    return item


def _url(path: str, found: list[Json]) -> Json:
    steps = [f":{step[1:-1]}" if step.startswith("{") else step for step in path.split("/") if step]
    query = [one for one in found if one["in"] == "query"]
    return {
        "raw": "/".join(["{{base_url}}", *steps]),
        "host": ["{{base_url}}"],
        "path": steps,
        "query": [_optional(one) for one in query],
        "variable": [
            {"key": one["name"], "value": _example(one)} for one in found if one["in"] == "path"
        ],
    }


def _parameter(document: Json, written: Json) -> Json:
    name: str = written.get("$ref", "").rpartition("/")[2]
    found: Json = document["components"]["parameters"][name] if name else written
    return found


def _optional(parameter: Json) -> Json:
    return {
        "key": parameter["name"],
        "value": _example(parameter),
        "disabled": not parameter.get("required", False),
    }


def _example(parameter: Json) -> str:
    schema = parameter["schema"]
    examples = schema.get("examples") or [schema.get("default", "")]
    return str(parameter.get("example", examples[0]))


def _body(media: str, content: Json) -> Json:
    named = content.get("examples", {"": {"value": content.get("example")}})
    example = next(iter(named.values()))["value"]
    if media == FORM:
        members = [{"key": key, "value": value} for key, value in example.items()]
        return {"mode": "urlencoded", "urlencoded": members}
    text = json.dumps(example, indent=2, ensure_ascii=False)
    return {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}
