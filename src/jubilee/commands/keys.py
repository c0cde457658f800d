"""`jubilee keys`: an operator lists, rotates and retires the keys that sign access tokens.

`status` shows what SECRET_KEY and SECRET_KEY_PREVIOUS have sealed.
"""

import json
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from jubilee.commands.opening import with_services
from jubilee.commands.reading import read_settings
from jubilee.domain.identity import OPERATOR
from jubilee.domain.seals import SealCounts, SealState
from jubilee.domain.services import Services
from jubilee.domain.signing_keys.key import SigningKey
from jubilee.entrypoints.text_tables import table

COLUMNS = ("id", "algorithm", "state", "signs_from", "signs_until", "verifies_until")

Row: TypeAlias = dict[str, str | None]


def list_keys(chosen: Namespace) -> int:
    """Print the keys, the newest first."""

    async def read(services: Services) -> list[Row]:
        keys = services.signing_keys
        return [_row(key, keys.clock()) for key in await keys.list()]

    rows = with_services(read_settings(), read, command="keys")
    _print(json.dumps(rows) if chosen.json else _table(rows))
    return 0


def status(chosen: Namespace) -> int:
    """Print how many stored secrets are sealed by which SECRET_KEY."""

    async def count(services: Services) -> Mapping[str, Mapping[str, int]]:
        apps, keys = services.factor_resealing, services.signing_keys
        return {
            "authenticator apps": _by_state(await apps.count()),
            "signing keys": _by_state(await keys.count_seals()),
        }

    found = with_services(read_settings(), count, command="keys")
    _print(json.dumps(found) if chosen.json else _seal_table(found))
    return 0


def rotate(chosen: Namespace) -> int:
    """Add a key."""

    async def add(services: Services) -> SigningKey:
        return await services.signing_keys.rotate(by=OPERATOR, at_once=chosen.now)

    key = with_services(read_settings(), add, command="keys")
    _print(f"{key.id} signs from {_time(key.signs_from)}")
    return 0


def retire(chosen: Namespace) -> int:
    """Stop signing with a key."""

    async def end(services: Services) -> None:
        await services.signing_keys.retire(chosen.id, by=OPERATOR, revoke=chosen.revoke)

    with_services(read_settings(), end, command="keys")
    _print(f"{chosen.id} is {'revoked' if chosen.revoke else 'retired'}")
    return 0


def _row(key: SigningKey, now: datetime) -> Row:
    return {
        "id": key.id,
        "algorithm": key.material.algorithm.value,
        "state": key.state(now).value,
        "signs_from": _time(key.signs_from),
        "signs_until": _time(key.signs_until),
        "verifies_until": _time(key.verifies_until),
    }


def _table(rows: Sequence[Row]) -> str:
    return table(COLUMNS, *([row[name] or "-" for name in COLUMNS] for row in rows))


def _by_state(counts: SealCounts) -> Mapping[str, int]:
    return {state.value: counts[state] for state in SealState}


def _seal_table(rows: Mapping[str, Mapping[str, int]]) -> str:
    lines = ([name, *map(str, counts.values())] for name, counts in rows.items())
    return table(("secrets", *SealState), *lines)


def _time(at: datetime | None) -> str | None:
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
