"""Migrations block no writer, and break no version that runs; an exception gives its reason."""

import pytest
from alembic.script import Script

from tests.project.migration_locks import accepted, rendered, scripts, violations

MIN_REASON_WORDS = 4
BAD = {
    "CREATE INDEX a ON users (email)": "require-concurrent-index-creation",
    "DROP INDEX a": "require-concurrent-index-deletion",
    "CREATE INDEX CONCURRENTLY a ON users (email)": "ban-concurrent-index-creation-in-transaction",
    "ALTER TABLE users ADD COLUMN x int NOT NULL": "adding-required-field",
    "ALTER TABLE users ALTER COLUMN x SET NOT NULL": "adding-not-nullable-field",
    "ALTER TABLE users ADD x timestamptz DEFAULT clock_timestamp()": "adding-field-with-default",
    "ALTER TABLE users ALTER COLUMN x TYPE bigint": "changing-column-type",
    "ALTER TABLE users ADD CONSTRAINT c CHECK (x > 0)": "constraint-missing-not-valid",
    "ALTER TABLE items ADD CONSTRAINT f FOREIGN KEY (x) REFERENCES users (id)": (
        "adding-foreign-key-constraint"
    ),
    "ALTER TABLE users ADD CONSTRAINT u UNIQUE (email)": "disallowed-unique-constraint",
    "ALTER TABLE users RENAME COLUMN x TO y": "renaming-column",
    "ALTER TABLE users RENAME TO people": "renaming-table",
    "ALTER TABLE users DROP COLUMN x": "ban-drop-column",
    "DROP TABLE users": "ban-drop-table",
    "UPDATE users SET x = 1": "changing-all-rows",
    "WITH old AS (SELECT 1) DELETE FROM items": "changing-all-rows",
    "LOCK TABLE users": "locking-a-table",
    "CREATE INDEX a ON": "syntax-error",
}
GOOD = (
    "ALTER TABLE users ADD COLUMN x int NOT NULL DEFAULT 0",
    "ALTER TABLE users ADD CONSTRAINT c CHECK (x > 0) NOT VALID",
    "CREATE TABLE t (id int PRIMARY KEY, name text UNIQUE); CREATE INDEX i ON t (name)",
    "COMMIT; CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON users (email); BEGIN",
    "UPDATE alembic_version SET version_num = 'x'",
)


@pytest.mark.parametrize("statement", BAD)
def test_a_statement_that_blocks_or_breaks_is_refused(statement: str) -> None:
    assert BAD[statement] in violations(f"BEGIN;\n\n{statement};\n\nCOMMIT;")


@pytest.mark.parametrize("statement", GOOD)
def test_a_statement_that_does_neither_is_accepted(statement: str) -> None:
    assert violations(f"BEGIN;\n\n{statement};\n\nCOMMIT;") == set()


@pytest.mark.parametrize("script", scripts(), ids=lambda script: script.revision)
def test_a_migration_breaks_no_rule_but_those_that_it_excuses(script: Script) -> None:
    reasons = accepted(script)
    assert violations(rendered(script)) == set(reasons)
    assert all(len(reason.split()) >= MIN_REASON_WORDS for reason in reasons.values())
