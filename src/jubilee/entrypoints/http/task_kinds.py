"""Schemas of the task kinds with their payloads, for the OpenAPI document.

They only describe: the domain's job kinds validate a payload when a task is created.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue

from jubilee.domain.mail import MAX_SUBJECT_CHARS, MAX_TEXT_CHARS
from jubilee.domain.mail_addresses import MAX_ADDRESS_CHARS
from jubilee.domain.outbound.request import MAX_HEADER_VALUE_CHARS, MAX_HEADERS, MAX_URL_CHARS
from jubilee.entrypoints.http.fields import absent
from jubilee.entrypoints.http.framework.endpoint import Model, OneOf
from jubilee.entrypoints.http.task_models import NEW_TASK_EXAMPLE, TaskOptions
from jubilee.entrypoints.http.text_patterns import (
    LINE_TEXT,
    TEXT_PATTERN,
    TITLE_PATTERN,
    DocumentedPattern,
)

Text = Annotated[
    str, Field(min_length=1, max_length=MAX_TEXT_CHARS), DocumentedPattern(TEXT_PATTERN)
]
HeaderValue = Annotated[str, Field(max_length=MAX_HEADER_VALUE_CHARS)]


class EmailSendData(Model):
    """A mail to a single address."""

    to: str = Field(
        min_length=1, max_length=MAX_ADDRESS_CHARS, description="a single e-mail address"
    )
    subject: Annotated[str, DocumentedPattern(TITLE_PATTERN)] = Field(
        min_length=1, max_length=MAX_SUBJECT_CHARS, description=f"{LINE_TEXT}, without `=?`"
    )
    text: Text = Field(description="body as plain text")
    html: Text = absent()


class HttpRequestData(Model):
    """An HTTP request to another server; it carries an `Idempotency-Key`."""

    url: str = Field(
        min_length=1,
        max_length=MAX_URL_CHARS,
        pattern="^[Hh][Tt][Tt][Pp][Ss]?://",
        description="an `http` or `https` URL in ASCII, without user and password",
    )
    method: Literal["POST", "GET", "PUT", "PATCH", "DELETE", "HEAD"] = "POST"
    headers: dict[str, HeaderValue] = Field(default_factory=dict, max_length=MAX_HEADERS)
    body: JsonValue = Field(
        None,
        description="sent as JSON; a string is sent unchanged if `headers` has a content type",
    )


class EchoTask(TaskOptions):
    """Returns `data` as the task's result."""

    kind: Literal["echo"]
    data: dict[str, Any] = Field(description="any object; at most 64 KiB")


class HttpRequestTask(TaskOptions):
    """Sends an HTTP request; whether its host is allowed is checked when the task runs."""

    kind: Literal["http.request"]
    data: HttpRequestData


class EmailSendTask(TaskOptions):
    """Sends a mail. Requires an admin."""

    kind: Literal["email.send"]
    data: EmailSendData


class NewTask(OneOf[Annotated[
    EchoTask | HttpRequestTask | EmailSendTask, Field(discriminator="kind")
]]):  # fmt: skip
    """A task to create; `kind` determines the schema of `data`."""


NEW_TASK_EXAMPLES: dict[str, dict[str, Any]] = {
    "echo": NEW_TASK_EXAMPLE,
    "http.request": {
        "kind": "http.request",
        "data": {
            "url": "https://shop.example.com/hooks/paid",
            "headers": {"X-Shop": "1"},
            "body": {"order": 4711},
        },
    },
    "email.send": {
        "kind": "email.send",
        "data": {
            "to": "zoe@example.com",
            "subject": "Your order",
            "text": "It is on its way.",
            "html": "<p>It is on its way.</p>",
        },
    },
}
