"""Each step on the way to a real Mosquitto, broken on purpose."""

import shutil
import signal
import socket
import threading
from pathlib import Path

import pytest

from agent.config import Uplink
from agent.doctor.broker import broker as examine
from agent.doctor.findings import Finding, Verdict
from protocol.identity import compact
from provisioning.platform import Report, make_platform
from provisioning.terminal import enrol
from tests.support.broker import Broker

pytestmark = pytest.mark.integration


def look(
    state: Path, port: int, device: str | None = None, host: str = "localhost"
) -> list[Finding]:
    return list(examine(Uplink(host, port), state, device))


def last(found: list[Finding]) -> tuple[str, Verdict]:
    assert all(each.verdict is Verdict.OK for each in found[:-1])
    return found[-1].about, found[-1].verdict


def test_the_whole_way_and_each_step_that_fails(broker: Broker, tmp_path: Path) -> None:
    terminal = broker.terminal()
    state, device = terminal.state, compact(terminal.device)
    assert last(look(state, broker.port, device)) == ("MQTT", Verdict.OK)
    assert last(look(state, broker.port)) == ("TLS", Verdict.OK)
    # The certificate is for localhost, not for its address under another name.
    found = look(state, broker.port, host="127.0.0.2")
    assert last(found)[0] in ("TLS", "connection")
    found = look(state, broker.port, host="nowhere.invalid")
    assert last(found) == ("name", Verdict.FAULT)
    other = tmp_path / "other"
    make_platform(other, ["localhost"], 1)
    # Enrolled elsewhere: it believes the broker, and the broker does not believe it.
    stranger = enrol(tmp_path / "stranger", other, Report())
    shutil.copy(state / "ca.crt", stranger.state / "ca.crt")
    found = look(stranger.state, broker.port, compact(stranger.device))
    assert found[-1].verdict is Verdict.FAULT
    assert found[-1].about in ("TLS", "MQTT")
    spoilt = Path(shutil.copytree(state, tmp_path / "spoilt"))
    shutil.copy(other / "ca.crt", spoilt / "ca.crt")
    found = look(spoilt, broker.port, device)
    assert last(found) == ("TLS", Verdict.FAULT)
    assert "enrolled with that platform" in found[-1].fix
    (spoilt / "tls.key").unlink()
    assert last(look(spoilt, broker.port, device)) == ("TLS", Verdict.SKIPPED)
    broker.stop(signal.SIGKILL)
    found = look(state, broker.port, device)
    assert last(found) == ("connection", Verdict.FAULT)
    assert f"outgoing TCP {broker.port}" in found[-1].fix


def test_something_that_is_no_broker(broker: Broker) -> None:
    state = broker.terminal().state
    with socket.create_server(("127.0.0.1", 0)) as listener:
        import threading

        def talk() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=talk)
        thread.start()
        found = look(state, listener.getsockname()[1])
        thread.join()
    assert last(found) == ("TLS", Verdict.FAULT)


def test_a_name_server_that_is_silent_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    silent = threading.Event()
    monkeypatch.setattr("agent.doctor.broker.TIMEOUT_S", 0.05)

    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        silent.wait(30)
        return [(2, 1, 6, "", ("127.0.0.1", 8883))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    found = look(tmp_path, 8883, host="broker.example")
    silent.set()
    assert last(found) == ("name", Verdict.FAULT)
    assert "no name server answers" in found[-1].found
