"""What a process learns of its place among others from its variables."""

from pathlib import Path

import pytest

from jubilee.entrypoints.processes.slot import NUMBER, ProcessSlot, own_slot


@pytest.mark.parametrize("listeners", [(), (7,), (7, 8)])
def test_a_child_process_finds_the_slot_that_its_parent_gave_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listeners: tuple[int, ...]
) -> None:
    slot = ProcessSlot(2, tmp_path, listeners)
    for name, value in slot.variables().items():
        monkeypatch.setenv(name, value)
    assert own_slot() == slot
    assert slot.heartbeat.path == tmp_path / "heartbeat-2"


def test_a_process_of_its_own_has_no_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NUMBER, raising=False)
    assert own_slot() is None
