"""What reopens the disks sees what is wrong with them."""

import json
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.clock import Clock
from agent.queue.journal import Journal
from agent.reads import BadgeRead
from agent.recorder import Recorder
from hwsim.cli import sim
from hwsim.crash import kept
from hwsim.errors import SimulatorError
from protocol.badges import Assurance
from protocol.keyfiles import save_private_key
from protocol.keys import SigningKey
from protocol.seals import SealingKey

GREEN = [f"{number:010X}" for number in range(1, 6)]


def terminal(directory: Path, numbers: Sequence[str], green: Sequence[str] = GREEN) -> Path:
    """A kept disk: the journal of an agent that recorded these taps and stopped. Its path."""
    state, keys = directory / "state", directory / "platform" / "keys"
    for each in (state, keys):
        each.mkdir(parents=True)
    signing, sealing = SigningKey.generate(), SealingKey.generate()
    save_private_key(state / "identity.key", signing)
    save_private_key(keys / "sealing.key", sealing)
    journal = Journal(state / "journal.sqlite")
    journal.take()
    recorder = Recorder(journal, signing, Clock(), [sealing.public])
    for number in numbers:
        recorder.record([BadgeRead("left", number, "em4100", Assurance.UID, "in")])
    journal.close()
    (directory / "green.json").write_text(json.dumps(green))
    return state / "journal.sqlite"


def change(journal: Path, statement: str) -> None:
    database = sqlite3.connect(journal)
    try:
        assert database.execute(statement).rowcount > 0
        database.commit()
    finally:
        database.close()
    journal.with_name("journal.sqlite-wal").write_bytes(b"")


def test_a_sound_disk_is_sound_and_stays_as_it_is(tmp_path: Path) -> None:
    journal = terminal(tmp_path, GREEN)
    before = journal.read_bytes()
    assert kept.again(tmp_path) == ""
    assert journal.read_bytes() == before


def test_a_green_tap_that_is_not_there_is_lost(tmp_path: Path) -> None:
    terminal(tmp_path, GREEN[:-1])
    assert kept.again(tmp_path) == f"lost: 1 taps that were green, {GREEN[-1]} among them"


def test_a_tap_that_nobody_was_shown_may_be_there(tmp_path: Path) -> None:
    terminal(tmp_path, GREEN, green=GREEN[:-1])
    assert kept.again(tmp_path) == ""


def test_a_tap_that_is_there_twice_is_found(tmp_path: Path) -> None:
    terminal(tmp_path, [*GREEN, GREEN[2]])
    assert kept.again(tmp_path) == f"corrupt: tap {GREEN[2]} is there twice"


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "UPDATE records SET link = zeroblob(32) WHERE position & 0xFF = 3",
            "record 3 of epoch 1 breaks the chain",
        ),
        ("DELETE FROM records WHERE position & 0xFF = 3", "record 4 of epoch 1 leaves a gap"),
        (
            "UPDATE records SET signature = zeroblob(64) WHERE position & 0xFF = 3",
            "SignatureError: not signed by key",
        ),
    ],
)
def test_a_chain_that_does_not_verify_is_found(statement: str, found: str, tmp_path: Path) -> None:
    change(terminal(tmp_path, GREEN), statement)
    problem = kept.again(tmp_path)
    assert problem.startswith("corrupt: ")
    assert found in problem


def test_a_journal_of_rubbish_is_lost_and_begun_anew(tmp_path: Path) -> None:
    journal = terminal(tmp_path, GREEN)
    journal.write_bytes(b"rubbish" * 2000)
    assert kept.again(tmp_path).startswith("lost: 5 taps")
    shutil.rmtree(tmp_path / "state")
    shutil.rmtree(tmp_path / "platform")
    terminal(tmp_path, [], green=[]).write_bytes(b"rubbish" * 2000)
    assert kept.again(tmp_path) == ""


def test_a_folder_that_was_not_kept_is_named(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="name a folder that --keep wrote"):
        kept.again(tmp_path / "nowhere")


def test_a_kept_disk_is_reopened_by_the_command(tmp_path: Path) -> None:
    terminal(tmp_path / "lost", GREEN[:-1])
    result = CliRunner().invoke(sim, ["crash", "--again", str(tmp_path / "lost"), "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problem"].startswith("lost: 1 taps")
    terminal(tmp_path / "sound", GREEN)
    result = CliRunner().invoke(sim, ["crash", "--again", str(tmp_path / "sound")])
    assert (result.exit_code, result.stdout) == (0, "nothing is wrong\n")
    result = CliRunner().invoke(sim, ["crash", "--again", str(tmp_path / "nowhere")])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
