"""What a terminal writes down for others, from a running agent or from the files it left."""

import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.proof import sources
from agent.proof.export import ChangedError, export
from agent.proof.sources import NoAnswerError, RunningAgent, open_source
from agent.queue.errors import CannotOpenError
from agent.queue.journal import Journal
from agent.status import SOCKET, ask, question
from protocol import archive
from protocol.archive import Counts, Records
from protocol.bodies import Kind
from protocol.errors import KeyFileError
from protocol.findings import Report
from protocol.verification import verify
from tests.agent.proof.station import NUMBER, Station
from tests.agent.terminal import read
from tests.support.waiting import wait_for


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    made = Station(tmp_path / "state")
    yield made
    made.close()


def silent(*_: Any) -> None:
    """No progress."""


def check(path: Path, station: Station) -> Report:
    report = verify(
        archive.read(io.BytesIO(path.read_bytes())),
        key=station.key,
        trust=station.trust.read_bytes(),
    )
    assert report.findings == []
    return report


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def records(path: Path) -> list[archive.Row]:
    items = archive.read(io.BytesIO(path.read_bytes()))
    return [row for item in items if isinstance(item, Records) for row in item.rows]


def test_a_stopped_terminal_is_written_down_whole(station: Station, tmp_path: Path) -> None:
    wanted = [
        (row.body, row.blob, row.link, row.signature)
        for epoch in station.terminal.journal.epochs()
        for row in station.terminal.journal.rows(epoch.ordinal, 1, 1000)
    ]
    station.close()
    path = tmp_path / "out"
    with open_source(station.state, tmp_path) as source:
        counts = export(source, path, silent)
    assert counts == Counts(1, 2, 2, len(wanted))
    assert records(path) == wanted
    assert path.stat().st_mode & 0o777 == 0o600
    assert NUMBER.encode() not in path.read_bytes()
    report = check(path, station)
    assert [proof.ends for proof in report.epochs] == [proof.state.acked for proof in report.epochs]
    assert [proof.kinds[Kind.TAP] for proof in report.epochs] == [7, 8]
    assert names(tmp_path) == ["out", "state"]


def test_a_running_agent_is_asked_and_what_comes_later_stays_out(
    station: Station, tmp_path: Path
) -> None:
    path = tmp_path / "out"
    with station.running() as gate:

        def busy(done: int, _: int) -> None:
            """Taps and receipts come in while pages are written."""
            gate.ask(station.more)

        with open_source(station.state, tmp_path) as source:
            assert isinstance(source, RunningAgent)
            states = source.epochs()
            gate.ask(station.more)
            export(source, path, busy)
        assert ask(station.state) == {"queue": 0}
    report = check(path, station)
    assert [proof.last for proof in report.epochs] == [state.head_seq for state, _ in states]
    assert [proof.ends for proof in report.epochs] == [state.acked for state, _ in states]
    assert station.terminal.journal.epochs()[-1].head > report.epochs[-1].last


def test_many_pages_and_many_receipts(station: Station, tmp_path: Path) -> None:
    for _ in range(150):
        station.terminal.recorder.record([read(NUMBER) for _ in range(4)])
    for _ in range(5):
        station.tap()
        station.acknowledge()
    seen: list[tuple[int, int]] = []
    path = tmp_path / "out"
    with station.running(), open_source(station.state, tmp_path) as source:
        counts = export(source, path, lambda *at: seen.append(at))
    assert len(seen) > 4, "one page held it all"
    assert seen[-1] == (counts.records, counts.records)
    assert check(path, station).receipts == counts.receipts >= 2


def test_many_epochs(station: Station, tmp_path: Path) -> None:
    for _ in range(70):
        station.terminal.recorder.new_epoch("a test")
    station.acknowledge()
    with station.running(), open_source(station.state, tmp_path) as source:
        assert export(source, tmp_path / "out", silent).epochs == 72
    assert check(tmp_path / "out", station).epochs[-1].ends == 1


def test_a_pruned_journal_keeps_its_anchor(station: Station, tmp_path: Path) -> None:
    station.tap()
    station.acknowledge()
    assert station.terminal.journal.prune(2, None)
    station.tap()
    station.acknowledge()
    with station.running(), open_source(station.state, tmp_path) as source:
        export(source, tmp_path / "out", silent)
    assert check(tmp_path / "out", station).epochs[0].state.first > 1


def test_what_is_pruned_meanwhile_ends_the_export(station: Station, tmp_path: Path) -> None:
    with station.running() as gate, open_source(station.state, tmp_path) as source:
        gate.ask(lambda: station.terminal.journal.prune(2, None))
        with pytest.raises(ChangedError, match="pruned just now"):
            export(source, tmp_path / "out", silent)
    assert names(tmp_path) == ["state"]


def test_a_hole_in_the_journal_ends_the_export(station: Station, tmp_path: Path) -> None:
    station.terminal.journal.file.db.execute("DELETE FROM records WHERE position & 255 = 4")
    station.close()
    with (
        open_source(station.state, tmp_path) as source,
        pytest.raises(ChangedError, match="record 4 of epoch 1"),
    ):
        export(source, tmp_path / "out", silent)
    assert names(tmp_path) == ["state"]


def test_an_interrupted_export_leaves_what_was_there(station: Station, tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("an older one")

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    station.close()
    with open_source(station.state, tmp_path) as source, pytest.raises(KeyboardInterrupt):
        export(source, path, interrupt)
    assert path.read_text() == "an older one"
    assert names(tmp_path) == ["out", "state"]


def test_what_a_killed_agent_left_in_its_log_is_written_down(
    station: Station, tmp_path: Path
) -> None:
    station.tap()
    left = shutil.copytree(station.state, tmp_path / "left", ignore=lambda *_: [SOCKET])
    assert (left / "journal.sqlite-wal").stat().st_size
    before = {path.name: path.read_bytes() for path in left.iterdir() if path.is_file()}
    with open_source(left, tmp_path) as source:
        export(source, tmp_path / "out", silent)
    newest = check(tmp_path / "out", station).epochs[-1]
    assert newest.last == station.terminal.journal.epochs()[-1].head
    # Nothing beside the evidence was touched, and the copy is gone.
    assert {path.name: path.read_bytes() for path in left.iterdir() if path.is_file()} == before
    assert names(tmp_path) == ["left", "out", "state"]


def test_a_live_journal_is_refused_to_others(station: Station) -> None:
    """In another process: in this one, closing the file would drop the owner's locks."""
    code = "import sys; from agent.proof.cli import verify; verify()"
    journal = str(station.state / "journal.sqlite")
    done = subprocess.run([sys.executable, "-c", code, journal], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pointeuse agent export" in done.stderr
    assert done.stderr.count("\n") == 1
    station.tap()


@pytest.mark.integration  # SQLite waits five seconds for a lock
def test_no_agent_starts_while_its_journal_is_read(station: Station) -> None:
    station.close()
    code = (
        "import sys; from pathlib import Path; from agent.queue.reading import open_read_only\n"
        "with open_read_only(Path(sys.argv[1])): print('open', flush=True); sys.stdin.read()"
    )
    path = station.state / "journal.sqlite"
    with subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "open\n"
        with pytest.raises(CannotOpenError, match="locked"):
            Journal(path)
        reader.communicate("")
    Journal(path).close()


def test_what_is_not_there_is_said(tmp_path: Path, station: Station) -> None:
    with pytest.raises(CannotOpenError, match="no agent answers"), open_source(tmp_path, tmp_path):
        pass
    station.close()
    (station.state / "identity.key").unlink()
    with pytest.raises(KeyFileError), open_source(station.state, tmp_path):
        pass


def test_a_socket_that_was_left_behind_is_nobody(station: Station, tmp_path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(station.state / SOCKET))
    station.close()
    with open_source(station.state, tmp_path) as source:
        assert isinstance(source, sources.StoppedAgent)


@pytest.mark.parametrize(
    "line",
    [
        b"\n", b"?\n", b"[]\n", b'{"want": "money"}\n', b'{"want": "status"}\n',
        b"{" * 4096, b'{"want": []}\n',
    ],
)  # fmt: skip
def test_other_questions_are_answered_with_the_status(station: Station, line: bytes) -> None:
    with station.running():
        assert question(station.state, line) == b'{"queue": 0}'


def test_one_who_was_taken_for_silent_asks_again(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = iter([b'{"queue": 0}', b'{"queue": 0}'])
    with station.running():
        monkeypatch.setattr(sources, "question", lambda *asked: next(late, b"") or question(*asked))
        with open_source(station.state, tmp_path) as source:
            export(source, tmp_path / "out", silent)
    check(tmp_path / "out", station)


def test_a_gate_that_fails_is_no_answer(station: Station, tmp_path: Path) -> None:
    with station.running() as gate:
        gate.stop()
        wait_for(lambda: gate._stopped, "the gate ends")
        with (
            pytest.raises(NoAnswerError, match="see its log"),
            open_source(station.state, tmp_path),
        ):
            pass
