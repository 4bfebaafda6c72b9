"""A recording that does not explain the disk is refused."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hwsim.crash import operations as op
from hwsim.crash.disk import Disk
from hwsim.crash.memory import memory
from hwsim.crash.recording import Recorder
from hwsim.errors import SimulatorError


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path / "stack", 4, {}, print)


@pytest.fixture
def terminal(tmp_path: Path) -> Any:
    state = tmp_path / "state"
    state.mkdir()
    (state / "journal.sqlite").write_bytes(b"written")
    (state / "journal.sqlite-shm").write_bytes(b"not of the journal")
    (state / "identity.key").write_bytes(b"not of the journal")
    return SimpleNamespace(state=state)


def test_a_trace_that_explains_the_disk_is_taken(recorder: Recorder, terminal: Any) -> None:
    recorder._operations += [op.Write("journal.sqlite", 0, b"written")]
    recorder._check(terminal)


@pytest.mark.parametrize(
    "operations",
    [
        [],
        [op.Write("journal.sqlite", 0, b"writteN")],
        [op.Write("journal.sqlite", 0, b"written"), op.Open("epochs.log", truncate=False)],
    ],
)
def test_a_write_or_a_name_that_was_not_traced_is_noticed(
    operations: list[op.Operation], recorder: Recorder, terminal: Any
) -> None:
    recorder._operations += operations
    with pytest.raises(SimulatorError, match="the trace does not explain"):
        recorder._check(terminal)


def test_after_a_power_cut_the_disk_is_what_it_left() -> None:
    disk = Disk()
    for operation in (
        op.Write("a", 0, b"1"),
        op.PowerCut({"b": b"2"}),
        op.Write("b", None, b"3"),
    ):
        disk.apply(operation)
    assert disk.seen() == {"b": b"23"}


def test_memory_that_is_short_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1 << 40))
    assert memory() is not None
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1 << 20))
    assert memory() is None
