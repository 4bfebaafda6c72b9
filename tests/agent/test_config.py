"""Configuration mistakes: one line that names the key, the value and what was expected."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import agent
from agent.config import load
from protocol.settings import SettingsError

GOOD = """
[terminal]
state = "STATE"
[uplink]
host = "localhost"
[[readers]]
name = "gate"
kind = "serial"
device = "/dev/ttyUSB0"
protocol = "rdm6300"
direction = "in"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(text)
    return path


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    config = load(written(tmp_path, GOOD))
    assert config.uplink.port == 8883
    assert config.gate.debounce_s == 3.0
    assert config.readers[0].name == "gate"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'host = "localhost"',
            'host = "localhost"\nport = "high"',
            r"uplink\.port = 'high'.*int",
        ),
        (
            'host = "localhost"',
            'host = "localhost"\nport = 70000',
            r"uplink\.port = 70000.*65535",
        ),
        ('host = "localhost"', 'hots = "localhost"', r"in uplink: .*hots"),
        ('kind = "serial"', 'kind = "telepathy"', r"readers\[0\]\.kind = 'telepathy'"),
        ('direction = "in"', 'direction = "up"', r"readers\[0\]\.direction = 'up'"),
        ("[[readers]]", "[[raeders]]", "raeders"),
        ("[uplink]", "[uplink", "is not TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(SettingsError, match=said) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_readers_of_one_name_are_refused(tmp_path: Path) -> None:
    again = GOOD[GOOD.index("[[readers]]") :]
    with pytest.raises(SettingsError, match=r"readers\.name = 'gate'"):
        load(written(tmp_path, GOOD + again))


def test_the_command_says_one_line_and_exits_2(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.replace("localhost", "localhost").replace("rdm6300", "rdm"))
    for command in ("run", "status"):
        result = CliRunner().invoke(agent, [command, "--config", str(path)])
        assert result.exit_code == 2
        assert result.output.count("\n") == 1
        assert "readers[0].protocol = 'rdm'" in result.output


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(agent, ["run", "--config", str(tmp_path / "none.toml")])
    assert result.exit_code == 2
    assert "none.toml" in result.output


def test_status_without_an_agent_says_how_to_start_one(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.replace("STATE", str(tmp_path)))
    result = CliRunner().invoke(agent, ["status", "--config", str(path)])
    assert result.exit_code == 2
    assert "pointeuse agent run" in result.output


def test_a_state_directory_too_deep_for_a_socket_is_refused(tmp_path: Path) -> None:
    fits, long = "/" + "s" * 94, "/" + "s" * 95
    load(written(tmp_path, GOOD.replace("STATE", fits)))
    with pytest.raises(SettingsError, match=r"terminal\.state = .* 1 bytes shorter"):
        load(written(tmp_path, GOOD.replace("STATE", long)))
