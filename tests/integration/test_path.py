"""Faults on the whole path: processes killed where it hurts, on real parts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hwsim.processes import Process, wait_for
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack, Terminal

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

_UPLINK = "backoff_s = 0.1\nbackoff_limit_s = 0.5\nresend_s = 2.0\ntelemetry_s = 1.0"


class WholePath:
    """Broker, ingest, API, one terminal with one serial reader."""

    def __init__(self, stack: Stack, reader: SerialReader) -> None:
        self.stack, self.reader = stack, reader
        stack.prepare()
        self.terminal: Terminal = stack.add_terminal("gate")
        stack.register(self.terminal)
        self.broker: Process = stack.start_broker()
        self.ingest: Process = stack.start_ingest()
        self.api: Process = stack.start_api()
        self.terminal.configure(
            '[[readers]]\nkind = "serial"\nname = "in"\nprotocol = "rdm6300"\n'
            f'device = "{reader.device}"\n',
            uplink=_UPLINK,
        )
        self.start_agent()
        self.made = 0

    def start_agent(self) -> None:
        self.terminal.start()
        assert self.reader.opened()

    def tap(self, count: int) -> None:
        """Hold badges never seen before to the reader, until each is recorded."""
        before = self._recorded()
        for _ in range(count):
            self.made += 1
            self.reader.present(f"{self.made:010X}")
        wait_for(lambda: self._recorded() >= before + count, f"{count} taps are not recorded")

    def check(self) -> None:
        """Every tap made so far is registered, once."""
        self.terminal.wait_delivered()
        self.stack.wait_settled(self.made)
        numbers = [registration["badge"] for registration in self.stack.registrations()]
        assert sorted(numbers) == [f"{n:010X}" for n in range(1, self.made + 1)]

    def _recorded(self) -> int:
        taps: int = (self.terminal.status() or {"counts": {}})["counts"].get("taps", 0)
        return taps


@pytest.fixture
def path(tmp_path: Path) -> Iterator[WholePath]:
    with (
        Stack(tmp_path / "stack") as stack,
        SerialReader(tmp_path / "reader", "rdm6300") as reader,
    ):
        yield WholePath(stack, reader)


def test_ingest_killed_between_messages_loses_and_doubles_nothing(path: WholePath) -> None:
    for _ in range(3):
        path.tap(5)
        path.ingest.kill()
        path.tap(5)
        path.ingest.start()
    path.check()


def test_the_agent_killed_and_started_again_goes_on_where_it_was(path: WholePath) -> None:
    for _ in range(3):
        path.tap(5)
        path.terminal.agent.kill()
        path.start_agent()
    path.tap(5)
    path.check()
    epochs = {registration["epoch"] for registration in path.stack.registrations()}
    assert len(epochs) == 1


def test_telemetry_and_the_state_of_readers_reach_the_platform(path: WholePath) -> None:
    path.reader.wrong_checksum("0123456789")
    path.tap(1)

    def told() -> bool:
        (terminal,) = path.stack.get("/v1/terminals")["items"]
        telemetry = terminal["said"].get("telemetry", {})
        return bool(
            telemetry.get("unreadable") == {"in": {"checksum": 1}}
            and telemetry["receipt_ms"] is not None
            and telemetry["certificate"]["not_after_ms"] > telemetry["clock"]["wall_ms"]
        )

    wait_for(told, "the unreadable badge is not in the terminal's telemetry")

    def reader() -> tuple[str, str]:
        """Its state as the terminal's status says, and as the platform was told."""
        (terminal,) = path.stack.get("/v1/terminals")["items"]
        telemetry = terminal["said"].get("telemetry", {}).get("readers", {}).get("in", {})
        status = (path.terminal.status() or {"readers": {}})["readers"].get("in", {})
        return status.get("state", ""), telemetry.get("state", "")

    wait_for(lambda: reader() == ("ready", "ready"), "the reader is not told to be ready")
    path.reader.unplug()
    wait_for(lambda: reader() == ("absent", "absent"), "the reader is not told to be absent")
    path.reader.replug()
    wait_for(lambda: reader() == ("ready", "ready"), "the reader is not told to be back")


def test_a_message_that_is_not_the_terminals_is_rejected_and_holds_up_nobody(
    path: WholePath,
) -> None:
    import ssl

    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    state = path.terminal.state
    path.terminal.agent.stop()
    # A thief with the terminal's certificate, but not its identity key.
    context = ssl.create_default_context(cafile=str(state / "ca.crt"))
    context.load_cert_chain(state / "tls.crt", state / "tls.key")
    thief = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    thief.tls_set_context(context)
    thief.connect("localhost", path.stack.broker_port)
    thief.loop_start()
    for _ in range(3):
        topic = f"pointeuse/v1/{path.terminal.device}/records"
        thief.publish(topic, b"not CBOR", qos=1).wait_for_publish(10)
    thief.disconnect()
    thief.loop_stop()
    path.start_agent()
    path.tap(3)
    path.check()
    (row,) = path.stack.get("/v1/rejected")["items"]
    assert (row["reason"], row["count"]) == ("malformed", 3)


def test_everything_stops_within_seconds_of_sigterm(path: WholePath) -> None:
    path.tap(1)

    path.terminal.agent.stop()
    path.ingest.stop()
    assert path.terminal.status() is None
    assert "Traceback" not in path.terminal.agent.log.read_text()
    assert "Traceback" not in path.ingest.log.read_text()
