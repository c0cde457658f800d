"""An issuer that knows by a code who has signed in."""

from dataclasses import dataclass, field
from secrets import token_hex
from urllib.parse import parse_qs

from jubilee.domain.outbound.address_policy import AddressFilter
from jubilee.domain.outbound.request import HttpRequest
from jubilee.domain.outbound.sending import HttpReply
from tests.fakes.issuer import FakeIssuer


@dataclass(slots=True)
class ManyPeopleIssuer(FakeIssuer):
    """Several people are on their way at once."""

    people: dict[str, dict[str, object]] = field(default_factory=dict)

    def sign_in(self, url: str, **claims: object) -> dict[str, str]:
        """Sign a person in; the claims are in the ID token for this code."""
        back, code = FakeIssuer.sign_in(self, url), token_hex()
        self.codes[code] = self.codes.pop(back["code"])
        self.people[code] = claims
        return {**back, "code": code}

    async def send(self, request: HttpRequest, allows: AddressFilter) -> HttpReply:
        form = parse_qs((request.body or b"").decode())
        self.claims = dict(self.people.get(form.get("code", [""])[0], {}))
        return await FakeIssuer.send(self, request, allows)
