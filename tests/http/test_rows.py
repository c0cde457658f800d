"""Rows of lists are what their models document."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from pydantic import BaseModel
from pydantic_core import to_json

from jubilee.adapters.ids import new_id
from jubilee.domain.identity import UserId
from jubilee.domain.items import Item
from jubilee.domain.users.user import User
from jubilee.entrypoints.http.framework.responses import encoded
from jubilee.entrypoints.http.framework.rows import row_reader
from jubilee.entrypoints.http.item_models import ItemReply
from jubilee.entrypoints.http.user_models import UserReply

AT = datetime(2026, 11, 20, 9, 30, 0, 120, tzinfo=UTC)
OWNER = UserId(new_id())
ITEM = Item(id=new_id(), owner_id=OWNER, title='"Zoë"\u2028', created_at=AT, updated_at=AT)
USER = User(
    id=OWNER,
    email="zoe@example.com",
    date_of_birth=date(1990, 2, 28),
    created_at=AT,
    updated_at=AT.replace(microsecond=0),
)


class DriverUuid(UUID):
    """A UUID of another class, as the driver returns."""


@pytest.mark.parametrize(("model", "found"), [(ItemReply, ITEM), (UserReply, USER)])
def test_a_row_is_encoded_as_its_model_is(model: type[BaseModel], found: object) -> None:
    assert to_json(row_reader(model)(found)) == encoded(model.model_validate(found))


def test_an_id_of_the_drivers_class_is_a_text() -> None:
    class Reply(BaseModel):
        id: UUID
        title: str

    class Found:
        id = DriverUuid(int=1)
        title = "Engine"

    assert row_reader(Reply)(Found()) == {"id": str(UUID(int=1)), "title": "Engine"}
