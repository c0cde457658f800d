"""Every page of an account, and what it takes to get there: the fakes' service has what they do."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypedDict

from jubilee.domain.one_time.link import LinkPurpose, LinkToken
from jubilee.domain.services import Services
from jubilee.entrypoints.http.pages.page import TAG
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.conftest import PASSWORD, SignUp
from tests.contracts.account_rows import passkey_of
from tests.domain.greeting_harness import OPT_OUT
from tests.fakes.identities import make_identity
from tests.fakes.mail_worker import FakeMailWorker

PATHS = sorted(page.path for page in ENDPOINTS if page.tag == TAG and page.method == "GET")
NEW_PASSWORD = "an engine of copper"


class Visit(TypedDict):
    """A page to open in a browser, and the form to send from it, if any."""

    name: str
    path: str
    form: dict[str, str] | None
    stays: bool
    """Whether the page that the form leads to has a form as well."""


def visit(
    name: str, path: str, form: dict[str, str] | None = None, *, stays: bool = False
) -> Visit:
    return Visit(name=name, path=path, form=form, stays=stays)


def forms() -> list[Visit]:
    """Every form as its link shows it, one without a token, and one that is refused."""
    shown = [visit(path.rpartition("/")[2], f"{path}?token=x") for path in PATHS]
    refused = {"password": "short"}
    return [
        *shown,
        visit("code", "/account/verify-email"),
        visit("restore-code", "/account/restore"),
        visit("refused", "/account/reset-password?token=x", refused, stays=True),
        visit("mail-sent", "/account/forgot-password", {"email": "max@example.com"}),
    ]


@dataclass
class DonePages:
    """Makes links whose forms succeed; each has an account of its own."""

    services: Services
    mails: FakeMailWorker
    sign_up: SignUp
    made: list[Visit] = field(default_factory=list)

    async def visits(self) -> list[Visit]:
        """Return the visits that end on the pages which say that it is done."""
        await self._requested("email-verified", LinkPurpose.VERIFY_EMAIL, {})
        await self._requested(
            "password-set", LinkPurpose.RESET_PASSWORD, {"password": NEW_PASSWORD}
        )
        await self._moved()
        zoe = await self.sign_up("unsubscribe")
        path = f"/account/unsubscribe?token={OPT_OUT.sign(zoe.user.id)}"
        self.made.append(visit("unsubscribed", path, {}))
        await self._left()
        await self._invited()
        await self._listed()
        return self.made

    async def _requested(self, name: str, purpose: LinkPurpose, form: dict[str, str]) -> None:
        person = await self.sign_up(name)
        await self.services.link_requests.request(purpose, person.user.email)
        await self._linked(name, form)

    async def _linked(self, name: str, form: dict[str, str]) -> None:
        link = await self.mails.link()
        self.made.append(visit(name, f"/account/{link.page}?token={link.token}", form))

    async def _moved(self) -> None:
        for name in ("email-restored", "email-confirmed"):
            person = await self.sign_up(name)
            changes = self.services.email_changes
            await changes.request(f"new-{name}@example.com", PASSWORD, by=person.principal)
            if name == "email-restored":
                link = await self.mails.link()
                await changes.confirm(LinkToken(link.token), None)
            await self._linked(name, {})

    async def _left(self) -> None:
        person = await self.sign_up("leaving")
        object.__setattr__(self.services.deletions, "grace", timedelta(days=30))
        await self.services.deletions.delete(person.user.id, by=person.principal)
        form = {"username": "leaving", "password": PASSWORD}
        self.made.append(visit("account-restored", "/account/restore", form))

    async def _invited(self) -> None:
        ada = await self.sign_up("ada", is_superuser=True)
        invite = await self.services.invites.create("invited@example.com", "user", by=ada.principal)
        token, _ = self.services.invites.secrets.reveal(invite)
        path, form = f"/account/accept-invite?token={token}", {"password": NEW_PASSWORD}
        self.made.append(visit("invite-accepted", path, form))

    async def _listed(self) -> None:
        person = await self.sign_up("methods")
        key, linked = passkey_of(person.user), make_identity(person.user.id)
        self.mails.store.factors.passkeys[key.id] = replace(key, created_at=linked.created_at)
        self.mails.store.identities[linked.id] = linked
        form = {"username": "methods", "password": PASSWORD}
        path = "/account/sign-in-methods"
        self.made.append(visit("sign-in-methods-listed", path, form, stays=True))
