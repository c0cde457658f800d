"""Rules for migrations: none may block writers or break the version that runs, unless it says why.

Squawk checks the SQL that Alembic renders; two rules are our own. A migration excuses a rule in
ACCEPTED_LOCKS, a dictionary of rules and reasons.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from alembic import command
from alembic.script import Script, ScriptDirectory

from jubilee.adapters.postgres.schema import alembic_config
from jubilee.adapters.postgres.schema_state import migrations_folder

SQUAWK = Path(sys.executable).parent / "squawk"
RULES = frozenset({
    "adding-field-with-default",  # a default that is computed for each row
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "adding-required-field",  # rows of the version that runs would be refused
    "adding-serial-primary-key-field",
    "ban-concurrent-index-creation-in-transaction",
    "ban-drop-column",
    "ban-drop-table",
    "changing-column-type",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "renaming-column",
    "renaming-table",
    "require-concurrent-index-creation",
    "require-concurrent-index-deletion",
    "require-concurrent-reindex",
    "syntax-error",
})  # fmt: skip
OWN_RULES = {
    "changing-all-rows": r"^\s*(?:WITH\b.*?)?(?:UPDATE|DELETE FROM)\s+(?!alembic_version)",
    "locking-a-table": r"^\s*(?:LOCK|TRUNCATE|CLUSTER|VACUUM FULL)\b",
}
OWN_FLAGS = re.IGNORECASE | re.MULTILINE | re.DOTALL


def violations(sql: str) -> set[str]:
    """Return the rules that these statements break."""
    ended = subprocess.run(
        (SQUAWK, "--reporter", "json", "--no-assume-in-transaction", "--stdin-filepath", "m.sql"),
        input=sql,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {report["rule_name"] for report in json.loads(ended.stdout)}
    return (found & RULES) | {
        name for name, rule in OWN_RULES.items() if re.search(rule, sql, OWN_FLAGS)
    }


def rendered(script: Script) -> str:
    """Return the SQL of one migration, as `alembic upgrade --sql` writes it."""
    config = alembic_config("")
    config.output_buffer = StringIO()
    command.upgrade(config, f"{script.down_revision or 'base'}:{script.revision}", sql=True)
    return config.output_buffer.getvalue()


def accepted(script: Script) -> Mapping[str, str]:
    """Return the rules that a migration excuses, with their reasons."""
    found: Mapping[str, str] = getattr(script.module, "ACCEPTED_LOCKS", {})
    return found


def scripts() -> list[Script]:
    """List all migrations, the oldest first."""
    return list(ScriptDirectory(str(migrations_folder())).walk_revisions())[::-1]
