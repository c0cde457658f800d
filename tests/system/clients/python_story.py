"""Use the generated Python client: sign in, create items, read pages, wait for a task."""

import importlib
import pkgutil
import sys
from typing import TypeVar

import jubilee_client
from jubilee_client import AuthenticatedClient, Client
from jubilee_client.api.auth import create_token, refresh_token, sign_in
from jubilee_client.api.items import change_item, create_item, list_items
from jubilee_client.api.tasks import create_task, get_task
from jubilee_client.api.users import get_me, register
from jubilee_client.models import (
    EchoTask,
    EchoTaskData,
    ItemPage,
    ItemPatch,
    ItemReply,
    Problem,
    Refresh,
    Registration,
    SignIn,
    TaskReply,
    TaskStatus,
    TokenGrantReply,
    TokenReply,
    TokenRequest,
    UserReply,
    WholeItem,
)

T = TypeVar("T")
PASSWORD = "an engine of brass"


def checked(answer: object, kind: type[T]) -> T:
    """Return the answer, which must be of this class."""
    assert isinstance(answer, kind), answer
    return answer


def import_all() -> None:
    """Import every module of the client, so that a missing name fails."""
    found = [m.name for m in pkgutil.walk_packages(jubilee_client.__path__, "jubilee_client.")]
    assert len(found) > 80, found
    for name in found:
        importlib.import_module(name)


def signed_in(url: str) -> AuthenticatedClient:
    """Register, and sign in by JSON, by form and by refresh token."""
    client = Client(base_url=url)
    account = Registration(email="ada@example.com", password=PASSWORD, username="ada")
    checked(register.sync(client=client, body=account), UserReply)
    form = TokenRequest(username="ada", password=PASSWORD)
    checked(create_token.sync(client=client, body=form), TokenGrantReply)
    body = SignIn(username="ada", password=PASSWORD)
    first = checked(sign_in.sync(client=client, body=body), TokenReply)
    again = Refresh(refresh_token=first.refresh_token)
    tokens = checked(refresh_token.sync(client=client, body=again), TokenReply)
    return AuthenticatedClient(base_url=url, token=tokens.access_token)


def keep_items(client: AuthenticatedClient) -> None:
    """Create three items, change one, and list them in pages of two."""
    bodies = [WholeItem(title=title) for title in ("one", "two", "three")]
    items = [checked(create_item.sync(client=client, body=body), ItemReply) for body in bodies]
    body, last = ItemPatch(description="the last"), items[-1].id
    changed = checked(change_item.sync(last, client=client, body=body, if_match='"1"'), ItemReply)
    assert (changed.title, changed.description) == ("three", "the last")
    page = checked(list_items.sync(client=client, limit=2), ItemPage)
    assert isinstance(page.next_cursor, str)
    rest = checked(list_items.sync(client=client, limit=2, cursor=page.next_cursor), ItemPage)
    assert [item.title for item in page.items + rest.items] == ["three", "two", "one"]
    assert rest.next_cursor is None


def run_task(client: AuthenticatedClient) -> None:
    """Create a task and wait for its end."""
    data = EchoTaskData.from_dict({"order": 4711})
    task = EchoTask(kind="echo", data=data, task_id="order-4711")
    checked(create_task.sync(client=client, body=task), TaskReply)
    ended = checked(get_task.sync("order-4711", client=client, wait=30), TaskReply)
    assert ended.status == TaskStatus.SUCCEEDED, ended
    assert ended.to_dict()["result"] == {"order": 4711}


def main() -> None:
    """Run all steps against the API whose URL is the only argument."""
    import_all()
    client = signed_in(sys.argv[1])
    assert checked(get_me.sync(client=client), UserReply).username == "ada"
    keep_items(client)
    run_task(client)
    anonymous = AuthenticatedClient(base_url=sys.argv[1], token="none")
    problem = checked(get_me.sync(client=anonymous), Problem)
    assert problem.type_ == "/problems/invalid_token", problem


main()
