"""`jubilee token`: an operator creates, lists and revokes the tokens of accounts."""

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import timedelta

from jubilee.bootstrap.servers import clock
from jubilee.commands.accounts import find_account, plain
from jubilee.commands.opening import with_services
from jubilee.commands.pages import first_rows
from jubilee.commands.reading import read_settings
from jubilee.commands.refusal import CommandRefused
from jubilee.domain.api_tokens.service import IssuedApiToken, NewApiToken
from jubilee.domain.api_tokens.token import ApiToken, ApiTokenId, ApiTokenNotFound, scope_text
from jubilee.domain.identity import OPERATOR
from jubilee.domain.paging import Page, Position
from jubilee.domain.scopes import Scope
from jubilee.domain.services import Services


def create(chosen: Namespace) -> int:
    """Create a token; its text is the only line of standard output."""
    expires_at = None if chosen.days is None else clock() + timedelta(days=chosen.days)
    scopes = frozenset(Scope(name) for name in chosen.scope)
    new = NewApiToken(name=chosen.name, scopes=scopes, expires_at=expires_at)

    async def issue(services: Services) -> IssuedApiToken:
        owner = await find_account(services, chosen.who)
        return await services.api_tokens.create(new, owner=owner.id, by=OPERATOR)

    issued = with_services(read_settings(), issue, command="token")
    token = issued.token
    sys.stderr.write(f"created token {token.id}, which expires at {token.expires_at:%FT%TZ}\n")
    sys.stdout.write(f"{issued.text}\n")
    return 0


def list_tokens(chosen: Namespace) -> int:
    """Print the tokens of an account, the newest first."""

    async def read(services: Services) -> Sequence[ApiToken]:
        owner = await find_account(services, chosen.who)

        async def page(after: Position | None, limit: int) -> Page[ApiToken]:
            tokens = services.api_tokens
            return await tokens.list(owner=owner.id, by=OPERATOR, after=after, limit=limit)

        return await first_rows(page, limit=chosen.limit)

    tokens = with_services(read_settings(), read, command="token")
    if chosen.json:
        sys.stdout.write(json.dumps([_members(token) for token in tokens]) + "\n")
    else:
        sys.stdout.writelines(f"{_line(token)}\n" for token in tokens)
    return 0


def revoke(chosen: Namespace) -> int:
    """Delete a token of an account; it stops working at once."""

    async def delete(services: Services) -> None:
        owner = await find_account(services, chosen.who)
        try:
            await services.api_tokens.delete(ApiTokenId(chosen.id), owner=owner.id, by=OPERATOR)
        except ApiTokenNotFound:
            raise CommandRefused(f"the account has no token {chosen.id}") from None

    with_services(read_settings(), delete, command="token")
    sys.stdout.write(f"{chosen.id} revoked\n")
    return 0


def _members(token: ApiToken) -> dict[str, object]:
    return {
        "id": str(token.id),
        "name": token.name,
        "scopes": sorted(token.scopes),
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at.isoformat(),
        "last_used_at": token.last_used_at and token.last_used_at.isoformat(),
    }


def _line(token: ApiToken) -> str:
    used = f"used {token.last_used_at:%F}" if token.last_used_at else "never used"
    expires = f"expires {token.expires_at:%F}"
    return f"{token.id}  {expires}  {used}  {scope_text(token.scopes)}  {plain(token.name)}"
