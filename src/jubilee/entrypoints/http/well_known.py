"""Well-known paths: whom to tell about a vulnerability, and where passwords are changed."""

from datetime import UTC, datetime, time, timedelta

from starlette.responses import RedirectResponse, Response

from jubilee.entrypoints.http.framework.context import PublicInfo
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Handler,
    Nothing,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.problems import PathNotFound

TAG = "meta"
TEXT = "text/plain"
SECURITY_TXT = "/.well-known/security.txt"
CHANGE_PASSWORD = "/.well-known/change-password"  # noqa: S105  # a path
DOCUMENTED_CHANGE = "/docs#/users/changeMe"
VALID_FOR = timedelta(days=180)  # RFC 9116 recommends less than a year
CACHING = {"Cache-Control": "public, max-age=86400"}


async def security_txt(call: Call[Nothing, Nothing]) -> Response:
    """GET /.well-known/security.txt (RFC 9116); 404 without SECURITY_CONTACT."""
    public = call.context.public
    if not public.security_contacts:
        raise PathNotFound
    return Response(_security_text(public), headers=CACHING, media_type=TEXT)


def _security_text(public: PublicInfo) -> str:
    today = datetime.combine(datetime.now(UTC), time(), UTC)
    expires = public.security_expires or today + VALID_FOR
    lines = [
        *(f"Contact: {contact}" for contact in public.security_contacts),
        f"Expires: {expires.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en",
        *([f"Canonical: {public.url}{SECURITY_TXT}"] if public.url else []),
    ]
    return "\r\n".join(lines) + "\r\n"


async def change_password(call: Call[Nothing, Nothing]) -> Response:
    """GET /.well-known/change-password: to CHANGE_PASSWORD_URL, or to the documentation."""
    target = call.context.public.change_password_url or call.mount + DOCUMENTED_CHANGE
    return RedirectResponse(target, status_code=302)


def _page(
    path: str, name: str, summary: str, handler: Handler[Nothing, Nothing], reply: ResponseSpec
) -> AnyEndpoint:
    return Endpoint(
        method="GET",
        path=path,
        name=name,
        summary=summary,
        tag=TAG,
        handler=handler,
        access=Access.ANYONE,
        replies=(reply,),
        needs_database=False,
        documented=False,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    _page(
        SECURITY_TXT,
        "securityTxt",
        "Get the contact for reports of vulnerabilities",
        security_txt,
        ResponseSpec(status=200, description="The contact.", media=TEXT),
    ),
    _page(
        CHANGE_PASSWORD,
        "changePassword",
        "Find the page where passwords are changed",
        change_password,
        ResponseSpec(status=302, description="The address of the page."),
    ),
)
