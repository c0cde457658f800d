"""Migrations by Alembic: up, down, written from the tables, checked."""

import re
from datetime import UTC, date, datetime, timedelta

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from jubilee.adapters.postgres.schema_state import migrations_folder

DAY = timedelta(days=1)
DATED = re.compile(r"[0-9]{8}(?=_)")
MAX_REVISION_CHARS = 32  # the width of Alembic's own column


class NothingToTakeBack(Exception):
    """No migration has been applied."""

    def __str__(self) -> str:
        return "no migration is left to take back: the schema is at its beginning"


def alembic_config(url: str) -> Config:
    """Configuration for Alembic's commands; the URL is passed beside it, past its interpolation."""
    config = Config(attributes={"url": url})
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config


def upgrade(url: str) -> None:
    """Apply all migrations; any number of processes may do so at once."""
    command.upgrade(alembic_config(url), "head")


def downgrade(url: str) -> None:
    """Take the last migration back; raises NothingToTakeBack where none has been applied."""
    try:
        command.downgrade(alembic_config(url), "-1")
    except CommandError as error:
        if "Relative revision" not in str(error):
            raise
        raise NothingToTakeBack from error


def revise(url: str, name: str) -> None:
    """Write a migration that makes the database's schema that of the tables.

    Raises CommandError where the name has no letter or digit.
    """
    config = alembic_config(url)
    head = ScriptDirectory.from_config(config).get_current_head()
    revision = revision_name(head, name)
    config.set_main_option("file_template", "%%(rev)s")
    command.revision(config, message=name, rev_id=revision, autogenerate=True)


def revision_name(head: str | None, name: str) -> str:
    """The id and the file's name of a new revision: its day and words of `name`.

    Raises CommandError where the name has no letter or digit.
    """
    slug = "_".join(re.findall(r"[a-z0-9]+", name.lower()))
    if not slug:
        raise CommandError("the migration's name needs a letter or a digit")
    day = next_day(head, datetime.now(UTC).date())
    return f"{day:%Y%m%d}_{slug}"[:MAX_REVISION_CHARS].rstrip("_")


def next_day(head: str | None, today: date) -> date:
    """The date in a new revision's name: today, or the day after the head's where that is later.

    So files sort in the order of their migrations, two of one day and a slow clock included.
    """
    dated = DATED.match(head or "")
    if dated is None:
        return today
    return max(today, datetime.strptime(dated[0], "%Y%m%d").replace(tzinfo=UTC).date() + DAY)


def check(url: str) -> None:
    """Raises CommandError where the schema differs from the tables."""
    command.check(alembic_config(url))
