"""What the salvager makes of a journal is proved by `verify`."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.proof.export import export
from agent.proof.sources import StoppedAgent
from agent.queue.reading import open_read_only
from protocol import archive
from protocol.bodies import Kind
from protocol.findings import Report, What
from protocol.verification import verify
from tests.agent.proof.station import Station
from tests.agent.test_salvager import carry_all


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    made = Station(tmp_path / "state")
    yield made
    made.close()


def check(station: Station) -> Report:
    """Stop the terminal, write it down, and verify that."""
    station.close()
    path = station.state.with_name("out")
    with open_read_only(station.state / "journal.sqlite") as journal:
        export(StoppedAgent(station.state, journal), path, lambda *_: None)
    station.terminal.reopen()
    return verify(archive.read(io.BytesIO(path.read_bytes())), key=station.key)


def carried(report: Report) -> int:
    return sum(proof.kinds[Kind.SALVAGED] for proof in report.epochs)


def test_a_closed_epoch_before_and_after_it_was_carried_over(station: Station) -> None:
    assert check(station).findings == []
    carry_all(station.terminal)
    report = check(station)
    assert report.findings == []
    assert carried(report) == 3
    station.terminal.journal.prune(1 << 62, station.terminal.recorder.live_seal)
    pruned = check(station)
    assert pruned.findings == []
    assert pruned.records < report.records


def test_what_was_carried_over_twice(station: Station) -> None:
    for _ in range(3):
        station.terminal.recorder.new_epoch("once more")
        carry_all(station.terminal)
        station.tap()
        assert check(station).findings == []
        station.terminal.journal.prune(0, None)
        report = check(station)
        assert report.findings == []
    assert carried(report) > 3


def test_more_taken_from_a_closed_epoch_than_was_carried_over(station: Station) -> None:
    carry_all(station.terminal)
    station.terminal.journal.prune(0, None)
    assert check(station).findings == []
    db = station.terminal.journal.file.db
    db.execute("DELETE FROM records WHERE position = (1 << 40) | 6")
    db.execute("DELETE FROM receipts WHERE position >> 40 = 1")
    db.execute("UPDATE epochs SET acked = 0 WHERE ordinal = 1")
    found = check(station).findings[0]
    assert (found.what, found.epoch, found.first) == (What.MISSING, 1, 6)


def test_a_journal_begun_anew_after_damage(station: Station) -> None:
    assert station.terminal.journal.distrust("for the test")
    station.terminal.recorder.renew()
    carry_all(station.terminal)
    station.tap()
    report = check(station)
    assert report.findings == []
    assert [proof.state.ordinal for proof in report.epochs] == [3]
    assert carried(report) > 10
