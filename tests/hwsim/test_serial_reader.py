"""The simulated serial reader: right frames, a stable path, and faults that look like faults."""

import os
import stat
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from hwsim.errors import SimulatorError
from hwsim.serial_reader import FRAMES, SerialReader


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[SerialReader]:
    with SerialReader(tmp_path / "tty") as reader:
        yield reader


def opened(simulated: SerialReader) -> serial.Serial:
    return serial.Serial(str(simulated.device), 9600, timeout=20)


def test_frames_are_as_the_data_sheets_print_them() -> None:
    assert FRAMES["rdm6300"]("62E3086CED") == b"\x0262E3086CED08\x03"
    assert FRAMES["id12"]("62e3086ced") == b"\x0262E3086CED08\r\n\x03"
    assert FRAMES["line"]("4711") == b"4711\r\n"


def test_a_badge_arrives_as_it_was_sent(simulated: SerialReader) -> None:
    with opened(simulated) as port:
        simulated.present("62E3086CED")
        assert port.read(14) == FRAMES["rdm6300"]("62E3086CED")
        simulated.wrong_checksum("62E3086CED")
        assert port.read(14) == b"\x0262E3086CED09\x03"
        simulated.garble("62E3086CED", at=1, octet=0x21)
        assert port.read(14) == b"\x02!2E3086CED08\x03"
        simulated.cut("62E3086CED", after=3)
        assert port.read(3) == b"\x0262"
        # Nothing is translated or echoed on the way.
        simulated.send(bytes(range(256)))
        assert port.read(256) == bytes(range(256))


def test_nothing_is_translated_before_a_program_sets_the_line_up(simulated: SerialReader) -> None:
    line = os.open(simulated.device, os.O_RDONLY | os.O_NOCTTY)
    try:
        simulated.send(b"1\r2\x03")
        assert os.read(line, 16) == b"1\r2\x03"
    finally:
        os.close(line)


def test_opened_means_that_old_input_was_already_thrown_away(simulated: SerialReader) -> None:
    line = os.open(simulated.device, os.O_RDONLY | os.O_NOCTTY)
    flushed = threading.Event()

    def flush() -> None:
        time.sleep(0.1)
        flushed.set()
        termios.tcflush(line, termios.TCIFLUSH)

    thread = threading.Thread(target=flush)
    thread.start()
    try:
        assert simulated.opened()
        assert flushed.is_set()
    finally:
        thread.join()
        os.close(line)


def test_an_unplug_is_seen_by_who_has_it_open(simulated: SerialReader) -> None:
    with opened(simulated) as port:
        simulated.unplug()
        assert not simulated.device.is_symlink()
        with pytest.raises(OSError, match=r"disconnected|Input/output"):
            port.read(1)
    with pytest.raises(SimulatorError, match="replug it first"):
        simulated.present("62E3086CED")


def test_a_replug_is_another_tty_at_the_same_path(simulated: SerialReader) -> None:
    with opened(simulated):
        before = simulated.device.readlink()
        simulated.unplug()
        simulated.replug()
        assert stat.S_ISCHR(simulated.device.stat().st_mode)
        assert simulated.device.readlink() != before
    with opened(simulated) as port:
        simulated.present("62E3086CED")
        assert port.read(14) == FRAMES["rdm6300"]("62E3086CED")


def test_it_knows_whether_anybody_has_it_open(simulated: SerialReader) -> None:
    assert not simulated.opened(timeout_s=0)
    with opened(simulated):
        assert simulated.opened()
    assert not simulated.opened(timeout_s=0)


def test_it_knows_when_all_was_taken(simulated: SerialReader) -> None:
    with opened(simulated) as port:
        assert simulated.opened()
        simulated.present("62E3086CED")
        assert not simulated.drained(timeout_s=0.1)
        port.read(14)
        assert simulated.drained()


def test_what_nobody_takes_is_lost_and_holds_nothing_up(simulated: SerialReader) -> None:
    simulated.send(b"x" * 100_000)
    with opened(simulated) as port:
        assert simulated.opened()
        simulated.present("62E3086CED")
        assert port.read(14) == FRAMES["rdm6300"]("62E3086CED")


def test_a_file_in_the_way_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "tty").write_text("mine")
    with pytest.raises(SimulatorError, match="no link of ours"):
        SerialReader(tmp_path / "tty")
    assert (tmp_path / "tty").read_text() == "mine"


def test_a_link_left_by_a_crash_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "tty").symlink_to(tmp_path / "gone")
    with SerialReader(tmp_path / "tty") as simulated, opened(simulated) as port:
        simulated.present("62E3086CED")
        assert port.read(1) == b"\x02"
    assert list(tmp_path.iterdir()) == []


def test_nothing_stays_open(tmp_path: Path) -> None:
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(SimulatorError):
        SerialReader(tmp_path / "tty", "osdp")
    (tmp_path / "file").write_text("")
    with pytest.raises(SimulatorError):
        SerialReader(tmp_path / "file")
    with SerialReader(tmp_path / "tty") as simulated:
        simulated.unplug()
        simulated.unplug()
        simulated.replug()
        simulated.replug()
    assert set(Path("/proc/self/fd").iterdir()) == before


@pytest.mark.parametrize("number", ["62E3086C", "62E3086CED00", "not hex", ""])
def test_a_number_that_is_no_tag_is_refused(simulated: SerialReader, number: str) -> None:
    with pytest.raises(SimulatorError, match="EM4100"):
        simulated.present(number)
