"""What a real Mosquitto allows and refuses under our settings."""

import socket
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from protocol import topics
from provisioning.certificates import load_certificate
from provisioning.platform import Report, make_platform
from provisioning.terminal import Terminal, enrol
from tests.support.broker import Broker
from tests.support.ports import free_port, listening
from tests.support.waiting import wait_for

pytestmark = pytest.mark.integration

NOT_AUTHORIZED = "Not authorized"  # how mosquitto_pub words MQTT 5 reason code 0x87

ACCEPTED = {0x00, 0x10}
"""Success, and success with nobody subscribed (MQTT 5, 3.4.2.1)."""


class Client:
    """A paho client with a certificate, that remembers what happened to it."""

    def __init__(self, broker: Broker, certificate: Path, client_id: str = "") -> None:
        self.received: list[tuple[str, bytes]] = []
        self.puback: dict[int, int] = {}
        self.connected: list[int] = []
        self.granted: list[int] = []
        self.lost: list[object] = []
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5)
        context = ssl.create_default_context(cafile=str(broker.platform / "ca.crt"))
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        client.tls_set_context(context)
        client.on_connect = lambda c, u, f, reason, p: self.connected.append(reason.value)
        client.on_disconnect = lambda c, u, f, reason, p: self.lost.append(reason)
        client.on_message = lambda c, u, m: self.received.append((m.topic, bytes(m.payload)))
        client.on_publish = lambda c, u, mid, reason, p: self.puback.update({mid: reason.value})
        client.on_subscribe = lambda c, u, mid, reasons, p: self.granted.extend(
            reason.value for reason in reasons
        )
        self.client = client
        client.connect("localhost", broker.port)
        client.loop_start()
        wait_for(lambda: self.connected, "CONNACK")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> int:
        """Publish at QoS 1, and return the PUBACK's reason code."""
        mid = self.client.publish(topic, payload, qos=1, retain=retain).mid
        wait_for(lambda: mid in self.puback, "PUBACK")
        return self.puback[mid]

    def publish_all(self, wanted: Sequence[str]) -> set[int]:
        """Publish to every topic at once, and return the PUBACKs' reason codes."""
        mids = {self.client.publish(topic, b"x", qos=1).mid for topic in wanted}
        wait_for(lambda: mids <= self.puback.keys(), "every PUBACK")
        return {self.puback[mid] for mid in mids}

    def subscribe(self, topic: str) -> None:
        """Subscribe, and wait for the SUBACK."""
        before = len(self.granted)
        self.client.subscribe(topic, qos=1)
        wait_for(lambda: len(self.granted) > before, "SUBACK")


def ingest(broker: Broker) -> Client:
    """The platform's own client, reading everything it may."""
    client = Client(broker, broker.platform / "ingest.crt")
    for name in topics.FROM_TERMINAL:
        client.subscribe(topics.every(name))
    return client


def mosquitto_pub(
    broker: Broker, topic: str, *, certificate: Path | None, more: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Publish one message with Debian's own client, as an attacker would."""
    command = ["mosquitto_pub", "-V", "mqttv5", "-q", "1", "-h", "localhost", "-d"]
    command += ["-p", str(broker.port), "--cafile", str(broker.platform / "ca.crt")]
    command += ["-t", topic, "-m", "forged", *more]
    if certificate is not None:
        command += ["--cert", str(certificate), "--key", str(certificate.with_suffix(".key"))]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def tls(terminal: Terminal) -> Path:
    return terminal.state / "tls.crt"


def test_another_devices_certificate_is_refused_and_nothing_is_delivered(broker: Broker) -> None:
    thief, victim = broker.terminal(), broker.terminal()
    with ingest(broker) as platform:
        done = mosquitto_pub(broker, topics.topic(victim.device, "records"), certificate=tls(thief))
        assert NOT_AUTHORIZED in done.stdout + done.stderr
        # What comes after on the same broker arrives, so the forged message never will.
        with Client(broker, tls(victim)) as honest:
            assert honest.publish(topics.topic(victim.device, "records"), b"true") == 0
        wait_for(lambda: platform.received, "the honest message")
        assert platform.received == [(topics.topic(victim.device, "records"), b"true")]


def test_the_refusal_is_mqtt_5_reason_code_0x87(broker: Broker) -> None:
    thief, victim = broker.terminal(), broker.terminal()
    with Client(broker, tls(thief)) as client:
        wanted = [
            topics.topic(victim.device, "records"),
            topics.topic(victim.device, "receipts"),
            topics.topic(thief.device, "receipts"),  # nor may it write what the platform says
            "elsewhere",
        ]
        assert client.publish_all(wanted) == {0x87}


@pytest.mark.parametrize("name", topics.FROM_TERMINAL)
def test_a_terminals_own_topics_reach_the_platform(broker: Broker, name: str) -> None:
    terminal = broker.terminal()
    with ingest(broker) as platform, Client(broker, tls(terminal)) as client:
        assert client.publish(topics.topic(terminal.device, name), b"hello") == 0
        wait_for(lambda: platform.received, "the message")
        assert platform.received == [(topics.topic(terminal.device, name), b"hello")]


@pytest.mark.parametrize("name", topics.TO_TERMINAL)
def test_the_platform_reaches_one_terminal_and_no_other(broker: Broker, name: str) -> None:
    one, other = broker.terminal(), broker.terminal()
    with (
        ingest(broker) as platform,
        Client(broker, tls(one)) as client,
        Client(broker, tls(other)) as spy,
    ):
        client.subscribe(topics.topic(one.device, name))
        for wanted in ("#", topics.every(name), topics.topic(one.device, name), "$SYS/#"):
            spy.subscribe(wanted)
        spy.subscribe(topics.topic(other.device, name))
        assert platform.publish(topics.topic(one.device, name), b"for one") == 0
        assert platform.publish(topics.topic(other.device, name), b"for other") == 0
        wait_for(lambda: client.received and spy.received, "both messages")
        assert client.received == [(topics.topic(one.device, name), b"for one")]
        # Subscribed twice over to its own topic; never to the other's.
        assert set(spy.received) == {(topics.topic(other.device, name), b"for other")}


def test_a_terminal_reads_no_other_terminals_records(broker: Broker) -> None:
    one, other = broker.terminal(), broker.terminal()
    with Client(broker, tls(one)) as client, Client(broker, tls(other)) as spy:
        for name in topics.FROM_TERMINAL:
            spy.subscribe(topics.every(name))
        spy.subscribe(topics.topic(other.device, "receipts"))
        assert client.publish(topics.topic(one.device, "status"), b"{}", retain=True) == 0
        with Client(broker, broker.platform / "ingest.crt") as platform:
            # The broker handles messages in order: once this arrives, the status would have.
            assert platform.publish(topics.topic(other.device, "receipts"), b"after") == 0
        wait_for(lambda: spy.received, "the later message")
        assert spy.received == [(topics.topic(other.device, "receipts"), b"after")]


def test_the_platform_cannot_forge_what_a_terminal_says(broker: Broker) -> None:
    terminal = broker.terminal()
    with Client(broker, broker.platform / "ingest.crt") as platform:
        said = [topics.topic(terminal.device, name) for name in topics.FROM_TERMINAL]
        assert platform.publish_all(said) == {0x87}


def test_a_client_without_a_certificate_is_refused(broker: Broker) -> None:
    done = mosquitto_pub(broker, "pointeuse/v1/X/records", certificate=None)
    assert done.returncode != 0
    assert "CONNACK (0)" not in done.stdout
    claimed = mosquitto_pub(
        broker,
        "pointeuse/v1/X/records",
        certificate=None,
        more=["-u", "pointeuse-ingest", "-P", "anything"],
    )
    assert claimed.returncode != 0
    assert "CONNACK (0)" not in claimed.stdout


def test_another_authoritys_certificate_is_refused(broker: Broker, tmp_path: Path) -> None:
    make_platform(tmp_path / "elsewhere", ["localhost"], free_port())
    stranger = enrol(tmp_path / "stranger", tmp_path / "elsewhere", Report())
    done = mosquitto_pub(
        broker, topics.topic(stranger.device, "records"), certificate=tls(stranger)
    )
    assert done.returncode != 0
    assert "CONNACK (0)" not in done.stdout


def test_a_terminal_does_not_believe_another_authoritys_broker(
    broker: Broker, tmp_path: Path
) -> None:
    make_platform(tmp_path / "elsewhere", ["localhost"], free_port())
    terminal = enrol(tmp_path / "terminal", tmp_path / "elsewhere", Report())
    context = ssl.create_default_context(cafile=str(terminal.state / "ca.crt"))
    with (
        socket.create_connection(("127.0.0.1", broker.port)) as connection,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(connection, server_hostname="localhost")


def test_the_certificate_is_the_client_id_whatever_is_claimed(broker: Broker) -> None:
    one, other = broker.terminal(), broker.terminal()
    with Client(broker, tls(one)) as honest:
        # An id that was believed would throw the honest client off the broker (MQTT 5, 3.1.4).
        with Client(broker, tls(other), client_id=one.device) as liar:
            assert liar.publish(topics.topic(other.device, "records")) in ACCEPTED
            assert liar.publish(topics.topic(one.device, "records")) == 0x87
        assert honest.publish(topics.topic(one.device, "records")) in ACCEPTED
        assert honest.lost == []
        assert len(honest.connected) == 1
    assert f"as {other.device} " in broker.log.read_text()


def test_it_listens_on_loopback_and_nowhere_else(broker: Broker) -> None:
    assert listening(broker.port) == {"0100007F"}


def test_tls_below_1_2_is_refused(broker: Broker) -> None:
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"localhost:{broker.port}", "-tls1_1"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode != 0
    assert "Cipher is (NONE)" in done.stdout


def test_a_platform_may_live_in_a_directory_with_spaces(tmp_path: Path) -> None:
    port = free_port()
    make_platform(tmp_path / "my platform", ["localhost"], port)
    broker = Broker(tmp_path / "my platform", port)
    broker.start()
    try:
        with Client(broker, tls(broker.terminal())) as client:
            assert client.connected == [0]
    finally:
        broker.stop()


def test_a_reissued_certificate_still_names_the_broker(broker: Broker) -> None:
    before = load_certificate(broker.platform / "broker.crt").serial_number
    make_platform(broker.platform, ["gate.example"], broker.port)
    assert load_certificate(broker.platform / "broker.crt").serial_number != before
    broker.stop()
    broker.start()
    with Client(broker, tls(broker.terminal())) as client:
        assert client.connected == [0]


def test_too_large_a_message_is_refused_and_the_broker_goes_on(broker: Broker) -> None:
    terminal = broker.terminal()
    topic = topics.topic(terminal.device, "records")
    with ingest(broker) as platform:
        with Client(broker, tls(terminal)) as client:
            client.client.publish(topic, bytes(300_000), qos=1)
            wait_for(lambda: client.lost, "being thrown off")
        with Client(broker, tls(terminal)) as client:
            assert client.publish(topic, bytes(128 * 1024)) == 0
        wait_for(lambda: platform.received, "the message of the agreed size")
        assert [len(payload) for _, payload in platform.received] == [128 * 1024]
