"""The scripts of deploy/backup/ beside PostgreSQL in its image: checksums are compared there."""

import io
import secrets
import tarfile
from collections.abc import Callable, Iterator

import docker
import pytest

from tests.deploy.commands import Ended, execute
from tests.deploy.conftest import ROOT, eventually, listens

Run = Callable[[str], Ended]
LOGIN = {"POSTGRES_USER": "jubilee", "POSTGRES_PASSWORD": "jubilee", "POSTGRES_DB": "jubilee"}
RESTORE = "/backup/restore-pitr.sh $(ls -d /tmp/base/base-*) /tmp /tmp/data '2026-11-21 09:30+00'"


@pytest.fixture(scope="module")
def run(engine: docker.DockerClient) -> Iterator[Run]:
    """Run a shell's line as the user of the server."""
    name = f"jubilee-backup-{secrets.token_hex(4)}"
    container = engine.containers.run(
        "postgres:17-alpine", name=name, environment=LOGIN, detach=True
    )

    def run(line: str) -> Ended:
        environment = {"PGUSER": "jubilee", "PGDATABASE": "jubilee", "BACKUP_DIR": "/tmp/base"}
        return execute(container, "bash", "-c", line, user="postgres", environment=environment)

    try:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(ROOT / "deploy/backup", "backup")
        container.put_archive("/", packed.getvalue())
        assert eventually(lambda: listens(container)), container.logs().decode()
        yield run
    finally:
        container.remove(force=True, v=True)


def test_a_base_backup_is_verified_and_laid_out_for_a_restore(run: Run) -> None:
    code, output = run("/backup/base.sh")
    assert code == 0, output
    code, output = run(RESTORE)
    assert code == 0, output
    assert "recovery_target_time = '2026-11-21 09:30+00'" in run("cat /tmp/data/*.auto.conf").output


def test_a_base_backup_that_is_damaged_is_not_restored(run: Run) -> None:
    run("rm -rf /tmp/data /tmp/base && /backup/base.sh && echo x >> /tmp/base/base-*/PG_VERSION")
    code, output = run(RESTORE)
    assert code != 0
    assert "PG_VERSION" in output
    assert run("ls /tmp/data").code != 0
