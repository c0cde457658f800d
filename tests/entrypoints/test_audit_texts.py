"""The output of `jubilee audit`."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from jubilee.domain.audit.entry import AuditEntry, RequestOrigin
from jubilee.domain.audit.verification import Verification
from jubilee.domain.identity import UserId
from jubilee.entrypoints.audit_texts import entries_as_json, entries_as_table, result_as_text

ZOE = UserId(UUID(int=3))
SIGN_IN = AuditEntry(
    id=UUID(int=1),
    event="sign_in",
    actor_id=ZOE,
    subject_id=ZOE,
    occurred_at=datetime(2026, 11, 20, 9, 5, 7, 123456, tzinfo=UTC),
    details={"session_id": "s", "reason": "a\x1b"},
    origin=RequestOrigin(address="192.0.2.1"),
)
UNKNOWN = replace(SIGN_IN, actor_id=None, subject_id=None, details={}, origin=RequestOrigin())


def test_a_table_has_a_line_for_each_entry_in_columns() -> None:
    assert entries_as_table([SIGN_IN, UNKNOWN]).splitlines() == [
        f"{'TIME (UTC)':<19}  EVENT    {'ACTOR':<36}  {'SUBJECT':<36}  ADDRESS    DETAILS",
        f"2026-11-20 09:05:07  sign_in  {ZOE}  {ZOE}  192.0.2.1  reason=a? session_id=s",
        f"2026-11-20 09:05:07  sign_in  {'none':<36}  {'none':<36}  -",
    ]
    assert entries_as_table([]) == "no such entries"


def test_entries_as_json_are_those_of_the_api() -> None:
    (entry,) = json.loads(entries_as_json([SIGN_IN]))
    assert (entry["event"], entry["actor_id"], entry["address"]) == (
        "sign_in",
        str(ZOE),
        "192.0.2.1",
    )


def test_the_result_of_a_verification_names_the_head_for_the_next() -> None:
    result = Verification(seals=2, entries=30, unsealed=4, head=7, digest=b"\x01\xab")
    lines = ["seals     2", "entries   30 sealed, 4 not yet", "head      7:01ab"]
    assert result_as_text(result).splitlines() == ["chain     intact", *lines]
    result.report("seal 1 is missing")
    assert result_as_text(result).splitlines() == ["chain     ALTERED", *lines]
