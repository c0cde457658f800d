"""Migrations by Alembic: upgrade, downgrade, new revisions, comparison with the tables."""

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


class NothingToUndo(Exception):
    """No migration has been applied."""

    def __str__(self) -> str:
        return "there is no migration to undo: the schema has none"


def alembic_config(url: str) -> Config:
    """Return Alembic's configuration; the URL is an attribute, as options are interpolated."""
    config = Config(attributes={"url": url})
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config


def upgrade(url: str) -> None:
    """Apply all missing migrations; any number of processes may do so at the same time."""
    command.upgrade(alembic_config(url), "head")


def downgrade(url: str) -> None:
    """Undo the last migration; raises NothingToUndo."""
    try:
        command.downgrade(alembic_config(url), "-1")
    except CommandError as error:
        if "Relative revision" not in str(error):
            raise
        raise NothingToUndo from error


def revise(url: str, name: str) -> None:
    """Write a migration from the differences between the tables and the database.

    Raises CommandError if the name has no letter or digit.
    """
    config = alembic_config(url)
    head = ScriptDirectory.from_config(config).get_current_head()
    revision = revision_name(head, name)
    config.set_main_option("file_template", "%%(rev)s")
    command.revision(config, message=name, rev_id=revision, autogenerate=True)


def revision_name(head: str | None, name: str) -> str:
    """Return the id and file name of a new revision: its date and the words of `name`.

    Raises CommandError if the name has no letter or digit.
    """
    slug = "_".join(re.findall(r"[a-z0-9]+", name.lower()))
    if not slug:
        raise CommandError("the migration's name needs a letter or a digit")
    day = next_day(head, datetime.now(UTC).date())
    return f"{day:%Y%m%d}_{slug}"[:MAX_REVISION_CHARS].rstrip("_")


def next_day(head: str | None, today: date) -> date:
    """Return the date of a new revision: today, or the day after that of `head` if it is later.

    Files then sort in the order of their migrations, even with two on a day or a slow clock.
    """
    dated = DATED.match(head or "")
    if dated is None:
        return today
    return max(today, datetime.strptime(dated[0], "%Y%m%d").replace(tzinfo=UTC).date() + DAY)


def check(url: str) -> None:
    """Raise CommandError if the database's schema differs from the tables."""
    command.check(alembic_config(url))
