"""The authorization code flow: a browser's way to a provider and back, by PKCE, state and nonce."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from jubilee.domain.clock import Clock
from jubilee.domain.identities.identity import (
    InvalidCallback,
    ProviderNotFound,
    RedirectNotAllowed,
    SpentTicketRepository,
)
from jubilee.domain.identities.provider import AuthorizationRequest, Providers, SignInProvider
from jubilee.domain.identities.tickets import (
    CODE_LIFETIME,
    FLOW_LIFETIME,
    CodeTicket,
    FlowTicket,
    TicketSealer,
    expires_at,
    open_flow,
    seal_ticket,
)
from jubilee.domain.transaction import Begin

REFUSALS = frozenset({"access_denied", "login_required", "temporarily_unavailable"})
"""Errors of a provider that clients learn by name."""


@dataclass(frozen=True, slots=True)
class StartedFlow:
    """The URL to redirect the browser to, and the ticket for its cookie, named by `state`."""

    url: str = field(repr=False)
    state: str = field(repr=False)
    ticket: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CallbackParameters:
    """What the provider sends back by the browser."""

    state: str = field(repr=False)
    code: str | None = field(repr=False)
    error: str | None
    issuer: str | None


# Ports


class FlowTransaction(Protocol):
    """What the flow needs in one transaction."""

    @property
    def spent_tickets(self) -> SpentTicketRepository:
        """The tickets that have been used."""


@dataclass(frozen=True, slots=True)
class FlowRules:
    """The addresses that flows return to: the service's own, then one of the client."""

    callback_url: str
    """With `{provider}` in place of its name."""
    redirects: tuple[str, ...]
    """Whole addresses; nothing else is redirected to."""


@dataclass(frozen=True, slots=True)
class SignInFlow:
    """Begins flows and ends them with a code for the client."""

    providers: Providers
    rules: FlowRules
    write: Begin[FlowTransaction]
    sealer: TicketSealer
    make_secret: Callable[[], str]
    """Returns 256 random bits for a URL."""
    clock: Clock

    async def start(self, name: str, redirect_to: str | None, challenge: str | None) -> StartedFlow:
        """Return the redirect to the provider; raise ProviderNotFound or RedirectNotAllowed."""
        provider = self.provider(name)
        if redirect_to is None and len(self.rules.redirects) == 1:
            redirect_to = self.rules.redirects[0]
        if redirect_to not in self.rules.redirects:
            raise RedirectNotAllowed
        ticket = FlowTicket(
            provider=name,
            state=self.make_secret(),
            nonce=self.make_secret(),
            verifier=self.make_secret(),
            redirect_to=redirect_to,
            challenge=challenge,
            expires=(self.clock() + FLOW_LIFETIME).timestamp(),
        )
        url = await provider.authorization_url(self._request(ticket))
        return StartedFlow(url, ticket.state, seal_ticket(self.sealer, ticket))

    async def finish(self, name: str, answer: CallbackParameters, cookie: str | None) -> str:
        """Return the client's address with a code or an error; raise InvalidCallback.

        The ticket is spent before the provider is asked: a repeated answer has no effect.
        """
        provider, ticket = self.provider(name), self._ticket(name, answer, cookie)
        async with self.write() as tx:
            if not await tx.spent_tickets.add(ticket.state, until=expires_at(ticket)):
                raise InvalidCallback
        await provider.check_issuer(answer.issuer)
        if answer.code is None:
            error = answer.error if answer.error in REFUSALS else "server_error"
            return _with_query(ticket.redirect_to, error=error)
        claims = await provider.redeem(answer.code, self._request(ticket))
        code = CodeTicket(
            id=self.make_secret(),
            provider=name,
            claims=claims,
            challenge=ticket.challenge,
            expires=(self.clock() + CODE_LIFETIME).timestamp(),
        )
        return _with_query(ticket.redirect_to, code=seal_ticket(self.sealer, code))

    def provider(self, name: str) -> SignInProvider:
        """Return the provider of this name; raise ProviderNotFound."""
        found = self.providers.get(name)
        if found is None:
            raise ProviderNotFound
        return found

    def _ticket(self, name: str, answer: CallbackParameters, cookie: str | None) -> FlowTicket:
        ticket = None if cookie is None else open_flow(self.sealer, cookie, self.clock())
        if ticket is None or ticket.provider != name:
            raise InvalidCallback
        if not hmac.compare_digest(ticket.state.encode(), answer.state.encode()):
            raise InvalidCallback
        return ticket

    def _request(self, ticket: FlowTicket) -> AuthorizationRequest:
        callback_url = self.rules.callback_url.format(provider=ticket.provider)
        return AuthorizationRequest(callback_url, ticket.state, ticket.nonce, ticket.verifier)


def _with_query(url: str, **parameters: str) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(parameters)}"
