"""security.txt, and the address of the page where passwords are changed."""

from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from jubilee.domain.services import Services
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.framework.context import BodyLimits, InFlightRequests, PublicInfo
from tests.http.refusals import problem

SECURITY_TXT = "/.well-known/security.txt"
CHANGE_PASSWORD = "/.well-known/change-password"
CONTACTS = ("mailto:security@example.com", "https://example.com/report")


def serving(services: Services, public: PublicInfo) -> httpx2.AsyncClient:
    options = HttpOptions(limits=BodyLimits(1 << 20, 5), cursor_keys=(b"c" * 32,), public=public)
    transport = httpx2.ASGITransport(build_app(services, options, InFlightRequests()))
    return httpx2.AsyncClient(transport=transport, base_url="http://api.test")


async def test_security_txt_names_the_contacts_and_when_they_expire(services: Services) -> None:
    expires = datetime(2027, 12, 31, 12, tzinfo=UTC)
    public = PublicInfo("https://api.example", "", CONTACTS, expires)
    async with serving(services, public) as client:
        answer = await client.get(SECURITY_TXT)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.split("\r\n") == [
        *(f"Contact: {contact}" for contact in CONTACTS),
        "Expires: 2027-12-31T12:00:00Z",
        "Preferred-Languages: en",
        f"Canonical: https://api.example{SECURITY_TXT}",
        "",
    ]


async def test_contacts_expire_within_a_year_by_default(services: Services) -> None:
    async with serving(services, PublicInfo(security_contacts=CONTACTS)) as client:
        lines = dict(
            line.split(": ", 1) for line in (await client.get(SECURITY_TXT)).text.split("\r\n")[:-1]
        )
    left = datetime.fromisoformat(lines["Expires"]) - datetime.now(UTC)
    assert timedelta(days=30) < left < timedelta(days=365)
    assert "Canonical" not in lines


async def test_without_a_contact_there_is_no_security_txt(client: httpx2.AsyncClient) -> None:
    problem(await client.get(SECURITY_TXT), 404, "path_not_found")


@pytest.mark.parametrize("mount", ["", "/api"])
async def test_change_password_leads_to_the_documentation_by_default(
    services: Services, mount: str
) -> None:
    async with serving(services, PublicInfo()) as client:
        answer = await client.get(mount + CHANGE_PASSWORD)
    location = f"{mount}/docs#/users/changeMe"
    assert (answer.status_code, answer.headers["location"]) == (302, location)


async def test_change_password_leads_to_the_page_of_the_setting(services: Services) -> None:
    page = "https://app.example/account/password"
    async with serving(services, PublicInfo(change_password_url=page)) as client:
        assert (await client.get(CHANGE_PASSWORD)).headers["location"] == page
