"""What an account may do, as expressions for statements that read the account."""

from functools import lru_cache

from sqlalchemy import ColumnElement, FromClause, and_, case, func, literal_column, or_, select

from jubilee.adapters.postgres.tables import role_grants, roles
from jubilee.domain.roles.role import USER
from jubilee.domain.scopes import Scope

EVERY_SCOPE = "*"
KNOWN = frozenset(scope.value for scope in Scope)
SEPARATOR: ColumnElement[str] = literal_column("' '")


def rights_of(account: FromClause) -> ColumnElement[str]:
    """Return the scopes of an account's roles as text, between spaces; admins have `*`.

    Text, because decoding and comparing a list costs more than the lookup.
    """
    own = func.array_to_string(roles.c.scopes, SEPARATOR)
    base = select(own).where(roles.c.name == literal_column(f"'{USER}'")).scalar_subquery()
    granted = (
        select(func.string_agg(own, SEPARATOR))
        .join(role_grants, role_grants.c.role == roles.c.name)
        .where(role_grants.c.user_id == account.c.id)
        .scalar_subquery()
    )
    together = func.concat_ws(SEPARATOR, base, granted)
    return case((account.c.is_superuser, literal_column(f"'{EVERY_SCOPE}'")), else_=together)


def may_sign_in(account: FromClause) -> ColumnElement[bool]:
    """Return the condition that an account is neither disabled nor locked."""
    until = account.c.locked_until
    return and_(account.c.is_active, or_(account.c.locked_at.is_(None), until <= func.now()))


@lru_cache(maxsize=1024)
def parse_rights(text: str) -> frozenset[Scope]:
    """Return the scopes; those that this version does not know are left out."""
    names = set(text.split())
    if EVERY_SCOPE in names:
        return frozenset(Scope)
    return frozenset(Scope(name) for name in names & KNOWN)
