"""The table in which the resource of a path is found."""

from uuid import UUID

import pytest

from jubilee.entrypoints.http.framework.routes import PathValues, RouteTable

ID = UUID("019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f")
PATHS = (
    *("/", "/users", "/users/me", "/users/me/audit", "/users/{id}", "/users/{id}/unlock"),
    *("/tasks/{task_id}", "/tasks/{task_id}/retry", "/tasks/all", "/docs/{release}/{name}"),
)
TABLE = RouteTable((path, path) for path in PATHS)


@pytest.mark.parametrize(
    ("path", "template", "values"),
    [
        ("/", "/", {}),
        ("/users/me", "/users/me", {}),
        (f"/users/{ID}", "/users/{id}", {"id": ID}),
        (f"/users/{ID.hex.upper()}/unlock", "/users/{id}/unlock", {"id": ID}),
        ("/tasks/all", "/tasks/all", {}),
        ("/tasks/all/retry", "/tasks/{task_id}/retry", {"task_id": "all"}),
        ("/docs/1.0/page.css", "/docs/{release}/{name}", {"release": "1.0", "name": "page.css"}),
    ],
)
def test_a_path_leads_to_its_template_with_its_values(
    path: str, template: str, values: PathValues
) -> None:
    assert TABLE.find(path) == (template, values)


@pytest.mark.parametrize(
    "path",
    [
        *("", "users", "//users", "/users/", "/users/you", "/users/me/unlock", "/nowhere"),
        *(f"/users/{ID}x", f"/users/{ID}/", "/tasks/", "/tasks/a b", "/docs//x", "/docs/x/y/z"),
    ],
)
def test_a_path_that_fits_no_template_leads_nowhere(path: str) -> None:
    assert TABLE.find(path) is None
