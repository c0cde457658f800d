"""Exports and deletions of accounts over the real adapters."""

from collections.abc import Sequence
from typing import Any

from jubilee.adapters.export_cipher import AesExportCipher
from jubilee.adapters.ids import new_id
from jubilee.bootstrap.adapters import Adapters
from jubilee.bootstrap.one_time import link_issuer
from jubilee.bootstrap.servers import clock, signing_keys
from jubilee.domain.jobs.kinds import JobKind, JobKinds
from jubilee.domain.leaving.archive import Archiver
from jubilee.domain.leaving.deletion import EraseAccount
from jubilee.domain.leaving.exporting import BuildExport
from jubilee.settings import Settings


def export_cipher(settings: Settings) -> AesExportCipher:
    """Build the cipher of stored archives."""
    return AesExportCipher(*(keys.export for keys in signing_keys(settings)))


def leaving_kinds(
    settings: Settings, adapters: Adapters, others: Sequence[JobKind[Any, Any]]
) -> Sequence[JobKind[Any, Any]]:
    """Build the job kinds; the `others` mask secrets in the data of their tasks."""
    return (
        EraseAccount(),
        BuildExport(
            archiver=Archiver(adapters.read, JobKinds(others), clock),
            write=adapters.write,
            cipher=export_cipher(settings),
            issuer=link_issuer(settings),
            clock=clock,
            new_id=new_id,
        ),
    )
