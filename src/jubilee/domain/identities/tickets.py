"""Tickets: what a sign-in has to remember, sealed and kept by the browser instead of a table."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from jubilee.domain.identities.identity import ProviderClaims

FLOW_LIFETIME = timedelta(minutes=10)  # to sign in at the provider
CODE_LIFETIME = timedelta(minutes=5)  # to exchange the code for tokens, or for a link


# Ports


class TicketSealer(Protocol):
    """Seals tickets, so that clients can neither read nor change them."""

    def seal(self, purpose: str, content: Mapping[str, Any]) -> str:
        """Return a text for a URL or a cookie."""

    def open(self, purpose: str, text: str) -> Mapping[str, Any] | None:
        """Return the content; None if it was not sealed here for this purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowTicket:
    """A sign-in that a browser has begun; its cookie binds it to that browser."""

    provider: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect_to: str
    challenge: str | None
    """SHA-256 of a secret of the client, which then has to present it with the code."""
    expires: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTicket:
    """A person who has signed in at a provider; exchanged once for tokens, or for a link."""

    id: str
    provider: str
    claims: ProviderClaims
    challenge: str | None
    expires: float


def expires_at(ticket: FlowTicket | CodeTicket) -> datetime:
    """Return when the ticket expires."""
    return datetime.fromtimestamp(ticket.expires, UTC)


def seal_ticket(sealer: TicketSealer, ticket: FlowTicket | CodeTicket) -> str:
    """Return the sealed ticket."""
    return sealer.seal(type(ticket).__name__, asdict(ticket))


def open_flow(sealer: TicketSealer, text: str, now: datetime) -> FlowTicket | None:
    """Return the ticket of a flow; None if it is not valid or has expired."""
    content = sealer.open(FlowTicket.__name__, text)
    ticket = None if content is None else FlowTicket(**content)
    return None if ticket is None or expires_at(ticket) <= now else ticket


def open_code(sealer: TicketSealer, text: str, now: datetime) -> CodeTicket | None:
    """Return the ticket of a code; None if it is not valid or has expired."""
    content = sealer.open(CodeTicket.__name__, text)
    if content is None:
        return None
    ticket = CodeTicket(**{**content, "claims": ProviderClaims(**content["claims"])})
    return None if expires_at(ticket) <= now else ticket
