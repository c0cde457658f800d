"""What an account does by mail, on real processes: the API, a worker, and mails as files."""

import email
import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from tests.servers import Servers
from tests.support.api import PASSWORD, Starter
from tests.support.running import eventually
from tests.support.workers import Workers

PUBLIC_URL = "https://jubilee.example"
LINK = re.compile(rf"^{PUBLIC_URL}/account/[a-z-]+\?token=([\w-]+)$", re.MULTILINE)
NEW_PASSWORD = "an engine of copper"
FORGED = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}


@dataclass
class MailFolder:
    """The mails that the worker has written."""

    path: Path
    seen: set[Path] = field(default_factory=set)

    def next(self) -> EmailMessage:
        """Wait for the next mail, and return it."""
        assert eventually(lambda: self._new() != set(), within=30)
        (file,) = self._new()
        self.seen.add(file)
        return email.message_from_bytes(file.read_bytes(), _class=EmailMessage, policy=default)

    def _new(self) -> set[Path]:
        return set(self.path.glob("*.eml")) - self.seen


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def link_in(mail: EmailMessage) -> str:
    """Return path and query of the only link with a token."""
    (link,) = (found[0] for found in LINK.finditer(text_of(mail)))
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"


def follow(client: httpx2.Client, mail: EmailMessage, **fields: str) -> httpx2.Response:
    """Open the link of a mail as a browser does, and send the form of its page."""
    link = link_in(mail)
    page = client.get(link)
    assert page.status_code == 200
    token = re.search(r'name="token" value="([^"]+)"', page.text)
    assert token is not None
    return client.post(urlsplit(link).path, data={"token": token[1], **fields})


REQUIRED = {"PUBLIC_URL": PUBLIC_URL, "SMTP_URL": "", "EMAIL_VERIFICATION": "required"}


def test_an_account_is_verified_recovered_moved_and_restored_by_real_mails(
    start_api: Starter, servers: Servers, database_url: str, tmp_path: Path
) -> None:
    folder = MailFolder(tmp_path / "mail")
    env = {**REQUIRED, "MAIL_DIR": str(folder.path)}
    api = start_api(database_url, servers.redis_url, **env).ready()
    with ExitStack() as ends, api.client() as client:
        Workers(tmp_path, ends, {**api.urls, **env})()
        body = {"email": "zoe@example.com", "password": PASSWORD}
        german = {"Accept-Language": "de"}
        assert client.post("/auth/register", json=body, headers=german).status_code == 201
        assert sign_in(client, "zoe@example.com", PASSWORD) == 403
        verification = folder.next()
        assert verification["Subject"] == "Bestätigen Sie Ihre E-Mail-Adresse"
        assert follow(client, verification).status_code == 200
        assert folder.next()["Subject"] == "Willkommen bei Jubilee"
        assert sign_in(client, "zoe@example.com", PASSWORD) == 200
        recover(client, folder)
        headers = move(client, folder)
        assert follow(client, folder.next()).status_code == 200
        assert client.get("/users/me", headers=headers).status_code == 401
        assert folder.next()["To"] == "zoe@example.com"
        assert sign_in(client, "zoe@example.com", NEW_PASSWORD) == 200


def recover(client: httpx2.Client, folder: MailFolder) -> None:
    """Set a new password by a link, which a forged Host does not change."""
    body = {"email": "zoe@example.com"}
    assert client.post("/auth/password/forgot", json=body, headers=FORGED).status_code == 202
    assert follow(client, folder.next(), password=NEW_PASSWORD).status_code == 200
    assert folder.next()["Subject"] == "Ihr Passwort wurde geändert"
    assert sign_in(client, "zoe@example.com", PASSWORD) == 400


def move(client: httpx2.Client, folder: MailFolder) -> dict[str, str]:
    """Change the address; return the headers of the session that did so."""
    login = {"username": "zoe@example.com", "password": NEW_PASSWORD}
    token = client.post("/auth/login", json=login).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    body = {"email": "new@example.com", "current_password": NEW_PASSWORD}
    assert client.post("/users/me/email", json=body, headers=headers).status_code == 202
    assert follow(client, folder.next()).status_code == 200
    assert client.get("/users/me", headers=headers).json()["email"] == "new@example.com"
    mails = client.get("/users/me/mails", headers=headers).json()["items"]
    assert {mail["template"] for mail in mails} >= {"verify_email", "welcome", "reset_password"}
    return headers


def sign_in(client: httpx2.Client, login: str, password: str) -> int:
    body = {"username": login, "password": password}
    return client.post("/auth/login", json=body).status_code
