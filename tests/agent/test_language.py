"""The language of the configuration reaches everything that has words."""

import subprocess
from pathlib import Path
from unittest.mock import patch

import pytest

from agent.config import load
from agent.main import Agent
from hwsim.processes import POINTEUSE
from hwsim.serial_reader import SerialReader
from protocol.settings import SettingsError
from provisioning.platform import Report, make_platform
from provisioning.terminal import enrol
from tests.support.broker import Broker

TEXT = """
[terminal]
state = "{state}"
{language}
[uplink]
host = "localhost"
port = {port}
[[readers]]
name = "in"
kind = "serial"
device = "{device}"
protocol = "rdm6300"
"""


def write(tmp_path: Path, language: str, state: Path | None = None, port: int = 8883) -> Path:
    path = tmp_path / "agent.toml"
    device, state = tmp_path / "ttyUSB0", state or tmp_path / "state"
    path.write_text(TEXT.format(state=state, language=language, port=port, device=device))
    return path


@pytest.mark.parametrize("language", ["fr", "de"])
def test_readers_and_screen_are_given_the_language(tmp_path: Path, language: str) -> None:
    make_platform(tmp_path / "platform", ["localhost"], 8883)
    enrol(tmp_path / "state", tmp_path / "platform", Report())
    config = load(write(tmp_path, f'language = "{language}"'))
    with patch("agent.main.ReaderSink") as readers, patch("agent.main.TerminalSink") as screen:
        Agent(config, show=True)
    assert readers.call_args.args[1] == language
    assert screen.call_args.kwargs == {"language": language}


def test_english_unless_told_and_no_language_nobody_wrote(tmp_path: Path) -> None:
    assert load(write(tmp_path, "")).terminal.language == "en"
    with pytest.raises(SettingsError, match=r"terminal\.language"):
        load(write(tmp_path, 'language = "vls"'))


@pytest.mark.integration
def test_a_running_terminal_speaks_its_language(broker: Broker, tmp_path: Path) -> None:
    state = broker.terminal().state
    with SerialReader(tmp_path / "ttyUSB0") as reader:
        config = write(tmp_path, 'language = "nl"', state, broker.port)
        command = [POINTEUSE, "agent", "run", "--show", "--config", str(config)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            try:
                assert process.stdout is not None
                assert reader.opened()
                reader.present("0A1B2C3D4E")
                assert "in: geregistreerd" in process.stdout.readline()
            finally:
                process.terminate()
