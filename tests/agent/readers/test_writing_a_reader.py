"""docs/writing-a-reader.md: its example is taken out of the page, and runs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.readers import SerialConfig
from agent.readers.frames import Garbled
from agent.reads import BadgeRead, ReaderState, Unreadable
from hwsim.serial_reader import SerialReader
from protocol.badges import Assurance
from tests.agent.readers.running import Running

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/writing-a-reader.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^```python (\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    """The names the page's blocks make, one after the other."""
    names: dict[str, Any] = {"__name__": "example"}
    for block in ("parser", "reader", "simulator", "test"):
        exec(compile(BLOCKS[block], f"writing-a-reader.md: {block}", "exec"), names)  # noqa: S102
    return names


@pytest.fixture
def running(example: dict[str, Any], tmp_path: Path) -> Iterator[tuple[SerialReader, Running]]:
    with SerialReader(tmp_path / "tty") as simulated:
        config = SerialConfig(name="gate", device=str(simulated.device), protocol="line")
        with Running(config, example["ExampleReader"](config)) as reader:
            assert reader.state() == "ready"
            yield simulated, reader


def test_the_example_reads_badges(
    example: dict[str, Any], running: tuple[SerialReader, Running]
) -> None:
    simulated, reader = running
    frame = example["example_frame"]
    simulated.send(frame("4711"))
    assert reader.next(BadgeRead) == BadgeRead("gate", "0000000000001267", "example", Assurance.UID)


def test_the_example_recovers(
    example: dict[str, Any], running: tuple[SerialReader, Running]
) -> None:
    simulated, reader = running
    frame = example["example_frame"]
    simulated.send(frame("4711")[:3])
    assert reader.next(Unreadable).reason == "frame"
    simulated.unplug()
    assert reader.next(ReaderState).state == "absent"
    simulated.replug()
    reader.until("ready")
    simulated.send(frame("4712"))
    assert reader.next(BadgeRead).badge == "0000000000001268"


def test_the_example_refuses_what_is_wrong(example: dict[str, Any]) -> None:
    parser = example["ExampleParser"]()
    assert parser.feed(b"<47111>") == [Garbled("checksum")]
    assert parser.feed(b"<47x3>") == [Garbled("frame")]
    assert parser.feed(b"<00>") == [Garbled("blank")]
    assert parser.feed(b"<" + b"1" * 18) == [Garbled("too-long")]


def test_the_tests_of_the_page_pass(example: dict[str, Any]) -> None:
    tests = [names for name, names in example.items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()


def test_every_file_the_page_names_is_there() -> None:
    for name in re.findall(r"`((?:agent|hw-sim|tests|scripts)/[\w./-]+|scripts/\w+)`", PAGE):
        assert (ROOT / name).exists(), name
