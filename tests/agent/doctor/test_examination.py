"""The command on a whole terminal, without an agent and with one."""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.cli import agent
from agent.doctor import examination, readers
from hwsim.processes import POINTEUSE
from hwsim.serial_reader import SerialReader
from tests.support.broker import Broker
from tests.support.waiting import wait_for

pytestmark = pytest.mark.integration
PAGE = Path(examination.__file__).parents[2] / "docs" / "doctor.md"


def write_config(tmp_path: Path, state: Path, port: int, device: Path) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(
        f'[terminal]\nstate = "{state}"\nkeeps_time = true\n'
        f'[uplink]\nhost = "localhost"\nport = {port}\n'
        f'[[readers]]\nname = "in"\nkind = "serial"\ndevice = "{device}"\nprotocol = "rdm6300"\n'
    )
    return path


def run(config: Path, code: int) -> dict[str, Any]:
    result = CliRunner().invoke(agent, ["doctor", "--config", str(config), "--json"])
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def impatient(state: Path) -> dict[str, Any]:
    """`ask`, with less patience: as a status that never comes."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(0.1)
        peer.connect(str(state / "status.sock"))
        peer.recv(1)
    raise AssertionError("nobody was to answer")


def of(found: dict[str, Any], check: str) -> list[str]:
    return [each["verdict"] for each in found["findings"] if each["check"] == check]


def test_a_terminal_without_and_with_its_agent(broker: Broker, tmp_path: Path) -> None:
    state = broker.terminal().state
    with SerialReader(tmp_path / "ttyUSB0") as reader:
        config = write_config(tmp_path, state, broker.port, reader.device)
        found = run(config, 0)
        assert {each["check"] for each in found["findings"]} == set(examination.CHECKS)
        assert of(found, "agent") == ["skipped"]
        assert of(found, "broker") == ["ok"] * 4
        words = CliRunner().invoke(agent, ["doctor", "--config", str(config)]).output
        assert "✓ readers, in: serial RDM6300" in words
        command = [POINTEUSE, "agent", "run", "--config", str(config)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                wait_for(lambda: examination.running(state), "the agent answers")
                found = run(config, 1)
                assert of(found, "agent") == ["ok"]
                assert of(found, "readers") == ["ok"]
                # Nobody takes records behind this broker: the agent says so, nothing is tried here.
                (uplink,) = (e for e in found["findings"] if e["check"] == "broker")
                assert uplink["verdict"] == "fault"
                assert "stop the agent" in uplink["fix"]
            finally:
                process.terminate()


def test_an_agent_that_does_not_answer_keeps_its_session(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = broker.terminal().state
    with SerialReader(tmp_path / "ttyUSB0") as reader:
        config = write_config(tmp_path, state, broker.port, reader.device)
        # It listens and says nothing, as one that waits for its disk does.
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(state / "status.sock"))
            listener.listen()
            monkeypatch.setattr(examination, "ask", impatient)
            found = run(config, 1)
    assert of(found, "agent") == ["fault"]
    for check in ("ports", "readers", "broker"):
        assert of(found, check) == ["skipped"], check
    log = broker.log.read_text()
    assert log.count("New client connected") == 0


@pytest.mark.parametrize("error", [PermissionError(13, "closed"), ValueError("no JSON")])
def test_only_a_socket_without_a_listener_says_that_no_agent_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    assert examination.running(tmp_path) is None
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "status.sock"))
    assert examination.running(tmp_path) is None

    def fail(_: Path) -> None:
        raise error

    monkeypatch.setattr(examination, "ask", fail)
    with pytest.raises(examination.UnansweredError, match=r"status\.sock"):
        examination.running(tmp_path)


def test_badges_are_not_tried_beside_an_agent_that_does_not_answer(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = broker.terminal().state
    config = write_config(tmp_path, state, broker.port, tmp_path / "ttyUSB0")

    def closed(_: Path) -> None:
        raise PermissionError(13, "closed")

    def opened(*_: object) -> None:
        raise AssertionError("a reader was opened")

    monkeypatch.setattr(examination, "ask", closed)
    monkeypatch.setattr(readers, "presented", opened)
    result = CliRunner().invoke(agent, ["doctor", "--present", "--config", str(config)])
    assert (result.exit_code, "stop it to try badges" in result.output) == (1, True)


def test_a_terminal_that_nobody_enrolled(tmp_path: Path) -> None:
    config = write_config(tmp_path, tmp_path / "nothing", 1, tmp_path / "ttyUSB0")
    found = run(config, 1)
    assert found["verdict"] == "fault"
    for each in found["findings"]:
        assert each["fix"] or each["verdict"] in ("ok", "skipped")
    for check in ("identity", "certificates", "disk", "ports", "readers", "broker"):
        assert "fault" in of(found, check), check


@pytest.mark.parametrize("text", [None, "", "[uplink]\n", "not = toml ="])
def test_a_configuration_that_cannot_be_used(tmp_path: Path, text: str | None) -> None:
    config = tmp_path / "agent.toml"
    if text is not None:
        config.write_text(text)
    found = run(config, 1)
    assert [each["check"] for each in found["findings"]] == ["configuration"]
    assert str(config) in found["findings"][0]["found"]


def test_trying_badges_ends_with_ctrl_c(broker: Broker, tmp_path: Path) -> None:
    state = broker.terminal().state
    with SerialReader(tmp_path / "ttyUSB0") as reader:
        config = write_config(tmp_path, state, broker.port, reader.device)
        command = [POINTEUSE, "agent", "doctor", "--present", "--config", str(config)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert process.stderr is not None
            while "hold badges" not in process.stderr.readline():
                assert process.poll() is None
            assert reader.opened()
            reader.present("0A1B2C3D4E")
            while "in: em4100 …3D4E, uid" not in process.stdout.readline():
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
            assert "Traceback" not in process.stderr.read()
    assert not list(state.glob("journal*"))


def test_every_check_is_on_the_page_for_installers() -> None:
    page = PAGE.read_text()
    for check in examination.CHECKS:
        assert f"| `{check}` |" in page


def test_an_agent_that_is_connected_and_one_with_an_alarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = {
        "version": "1", "queue": 0, "alarms": {}, "readers": {},
        "uplink": {"state": "online", "detail": ""},
    }  # fmt: skip
    monkeypatch.setattr(examination, "ask", lambda _: status)
    config = write_config(tmp_path, tmp_path, 1, tmp_path / "ttyUSB0")
    found = run(config, 1)
    assert (of(found, "agent"), of(found, "broker")) == (["ok"], ["ok"])
    status["alarms"] = {"disk": "95 % used"}
    (agent_,) = (each for each in run(config, 1)["findings"] if each["check"] == "agent")
    assert (agent_["verdict"], "95 % used" in agent_["found"]) == ("fault", True)
