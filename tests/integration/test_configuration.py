"""The platform blocks a badge; the terminal learns it while it runs, and says so at a tap."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from hwsim.processes import run, wait_for
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack, Terminal
from protocol import topics
from protocol.configuration import Configuration
from protocol.configured import Configured
from protocol.keyfiles import load_sealing_key, load_signing_key
from protocol.keys import VerifyKey
from protocol.roster import MOST

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

_BLOCKED, _FREE = "0000000007", "0000000008"


@contextmanager
def impostor(stack: Stack) -> Iterator[mqtt.Client]:
    """Somebody at the broker who may write what the platform writes."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    context = ssl.create_default_context(cafile=str(stack.platform / "ca.crt"))
    context.load_cert_chain(stack.platform / "ingest-2.crt", stack.platform / "ingest-2.key")
    client.tls_set_context(context)
    client.connect("localhost", stack.broker_port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def in_force(terminal: Terminal, number: int) -> bool:
    status = terminal.status()
    return status is not None and status["configuration"]["number"] == number


def refusals(terminal: Terminal) -> int:
    status = terminal.status()
    assert status is not None
    return int(status["counts"].get("refused_configurations", 0))


def test_a_blocked_badge_from_the_office_to_the_page(tmp_path: Path) -> None:
    with (
        Stack(tmp_path, ingests=2) as stack,
        SerialReader(tmp_path / "reader", "rdm6300") as reader,
    ):
        stack.prepare()
        terminal, other = stack.add_terminal("gate"), stack.add_terminal("other")
        stack.register(terminal)
        terminal.configure(
            '[[readers]]\nkind = "serial"\nname = "in"\nprotocol = "rdm6300"\n'
            f'device = "{reader.device}"\n',
            uplink="backoff_s = 0.1\nbackoff_limit_s = 0.5",
        )
        stack.start_broker()
        ingest = stack.start_ingest()
        stack.start_api()
        terminal.start()
        assert reader.opened()
        terminal.wait_delivered()

        def configure(*options: str) -> int:
            said = run(
                "cloud", "terminal", "configure", terminal.device, *options,
                "--config", stack.settings, "--json",
            )  # fmt: skip
            return int(json.loads(said)[0]["number"])

        def acknowledged(number: int) -> bool:
            said = run(
                "cloud", "terminal", "configure", terminal.device,
                "--config", stack.settings, "--json",
            )  # fmt: skip
            return bool(json.loads(said)[0]["in_force"] == number)

        session = terminal.agent.log.read_text().count("online: ")
        badges = tmp_path / "badges"
        # As many as a roster holds: the largest message there is.
        badges.write_text(
            f"em4100:{_BLOCKED}\n" + "".join(f"uid:{n:014X}\n" for n in range(1, MOST))
        )
        assert configure("--block-file", str(badges)) == 1
        wait_for(lambda: in_force(terminal, 1), "configuration 1 is not in force")
        assert terminal.agent.log.read_text().count("online: ") == session
        wait_for(lambda: acknowledged(1), "the platform does not know that 1 is in force")

        reader.present(_BLOCKED)
        reader.present(_FREE)
        log = terminal.agent.log
        told = ["in: recorded-but (badge blocked)", "in: recorded"]
        wait_for(lambda: _told(log)[-2:] == told, f"the worker is not told: {_told(log)}")
        stack.wait_settled(2)
        remarks = {each["badge"]: each["remarks"] for each in stack.registrations()}
        assert remarks == {_BLOCKED: ["blocked"], _FREE: []}

        first = (terminal.state / "configuration.cose").read_bytes()
        assert configure("--least-assurance", "authenticated") == 2
        wait_for(lambda: in_force(terminal, 2), "configuration 2 is not in force")
        _refuses_replays(stack, terminal, other, first)

        terminal.agent.stop()
        run("provision", "rotate", stack.platform, "--config")
        ingest.stop()
        assert configure("--unblock", f"em4100:{_BLOCKED}") == 3
        stack.start_ingest()
        terminal.start()
        wait_for(lambda: in_force(terminal, 3), "configuration 3 is not in force")
        assert sorted(path.name for path in (terminal.state / "trust").iterdir()) == [
            "1.cbor", "2.cbor",
        ]  # fmt: skip
        assert refusals(terminal) == 0
        reader.present(_BLOCKED)
        stack.wait_settled(3)
        last = max(stack.registrations(), key=lambda each: int(each["id"]))
        assert (last["badge"], last["remarks"]) == (_BLOCKED, ["below the least assurance"])


def _refuses_replays(stack: Stack, terminal: Terminal, other: Terminal, first: bytes) -> None:
    """An older configuration, and one for another terminal, sent by who may write the topic."""
    key = load_signing_key(stack.platform / "keys" / "config.key")
    others = VerifyKey.from_cose(bytes.fromhex(other.public_key)).thumbprint
    mine = load_sealing_key(terminal.state / "sealing.key").public
    foreign = Configuration(others, 99, Configured().encode()).sign(key, mine)
    bad = [(first, "configuration 1 is too old: 2 or a later"), (foreign, "for another terminal")]
    with impostor(stack) as client:
        for count, (message, why) in enumerate(bad, 1):
            client.publish(topics.topic(terminal.device, "config"), message, qos=1)
            wait_for(lambda count=count: refusals(terminal) == count, "nothing is refused")  # type: ignore[misc]
            status = terminal.status()
            assert status is not None
            assert why in status["alarms"]["configuration-refused"]
            assert status["configuration"]["number"] == 2
            assert status["configuration"]["blocked"] == MOST


def _told(log: Path) -> list[str]:
    """What the worker was told, in order."""
    words = "pointeuse.feedback: "
    return [line.split(words)[1] for line in log.read_text().splitlines() if words in line]
