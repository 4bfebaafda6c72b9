"""The ingest service over a real Mosquitto: what a terminal is told, whatever happens between."""

import queue
import signal
import ssl
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Self

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import OperationalError

from cloud.configurations.publishing import Publisher
from cloud.custody.tables import receipts as kept_receipts
from cloud.custody.tables import records, rejected
from cloud.ingest import service as services
from cloud.ingest.custody import Custody
from cloud.ingest.service import Service
from cloud.interpretation.interpreter import Interpreter
from cloud.registrations.tables import registrations
from cloud.settings import Broker as BrokerSettings
from cloud.settings import Config, Platform
from protocol import cose, receipts, topics
from protocol.keyfiles import load_sealing_key, load_signing_key
from protocol.receipts import Leaf, Verdict, verify_receipt
from provisioning.terminal import Terminal
from tests.cloud.terminal import FakeTerminal
from tests.support.broker import Broker
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


class Ingest:
    """The service in a thread of its own."""

    def __init__(self, engine: Engine, broker: Broker) -> None:
        keys = broker.platform / "keys"
        self.engine = engine
        self.receipt_key = load_signing_key(keys / "receipt.key")
        self.sealing_key = load_sealing_key(keys / "sealing.key")
        config = Config(
            platform=Platform(str(broker.platform)),
            broker=BrokerSettings("localhost", broker.port),
        )
        self.custody = Custody(engine, broker.platform, generation=1)
        self.service = Service(
            config,
            engine,
            self.custody,
            Interpreter(engine, [self.sealing_key]),
            self.receipt_key,
            Publisher(engine, load_signing_key(keys / "config.key")),
        )
        self._thread = threading.Thread(target=self.service.run)
        self._thread.start()

    def stop(self) -> None:
        self.service.stop()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def count(self, table: Any) -> int:
        # The writer's engine has one connection on SQLite: this waits for its turn.
        with self.engine.begin() as conn:
            return conn.execute(select(func.count()).select_from(table)).scalar_one()


class Peer:
    """A terminal's end of the wire, without the agent."""

    def __init__(self, broker: Broker, ingest: Ingest, terminal: Terminal) -> None:
        self.chain = FakeTerminal(terminal.identity, ingest.sealing_key)
        self._receipts: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._lookup = cose.keyring([ingest.receipt_key.public])
        context = ssl.create_default_context(cafile=str(terminal.state / "ca.crt"))
        context.load_cert_chain(terminal.state / "tls.crt", terminal.state / "tls.key")
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.tls_set_context(context)
        self._client.on_message = lambda _c, _u, message: self._receipts.put(bytes(message.payload))
        topic = topics.topic(self.chain.device, "receipts")
        subscribe = partial(self._client.subscribe, topic, 1)
        self._client.on_connect = lambda _c, _u, _f, _r, _p: _done(subscribe)
        self._client.on_disconnect = lambda _c, _u, _f, _r, _p: self._subscribed.clear()
        self._client.on_subscribe = lambda _c, _u, _m, _r, _p: self._subscribed.set()
        self._client.connect("localhost", broker.port)
        self._client.loop_start()
        assert self._subscribed.wait(30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def notices_the_loss(self) -> None:
        """Return once the client knows that its broker is gone."""
        wait_for(lambda: not self._subscribed.is_set(), "the lost connection is noticed")

    def say(self, name: str, payload: bytes, qos: int = 1) -> None:
        topic = topics.topic(self.chain.device, name)
        # After a broker's death, paho connects anew by itself, in its own time.
        assert self._subscribed.wait(30)
        self._client.publish(topic, payload, qos).wait_for_publish(30)

    def ask(self, name: str, payload: bytes) -> Leaf:
        """Send until it is answered, as a terminal would."""
        for _ in range(60):
            self.say(name, payload)
            try:
                leaf, _ = verify_receipt(self._receipts.get(timeout=0.5), self._lookup)
            except queue.Empty:
                continue
            return leaf
        raise AssertionError("no receipt")


def _done(action: Callable[[], object]) -> None:
    """Do it; paho takes no answer from its callbacks."""
    action()


@pytest.fixture
def ingest(engine: Engine, broker: Broker) -> Iterator[Ingest]:
    ingest = Ingest(engine, broker)
    yield ingest
    ingest.stop()


@pytest.fixture
def peer(broker: Broker, ingest: Ingest) -> Iterator[Peer]:
    with Peer(broker, ingest, broker.terminal()) as peer:
        with ingest.engine.begin() as conn:
            peer.chain.register(conn)
        yield peer


def test_hello_batch_receipt_registration(ingest: Ingest, peer: Peer) -> None:
    leaf = peer.ask("hello", peer.chain.hello())
    assert (leaf.verdict, leaf.seq, leaf.nonce) == (Verdict.STORED, 0, b"h" * 16)
    for number in range(5):
        peer.chain.tap(f"{number:010}")
    leaf = peer.ask("records", peer.chain.batch())
    assert (leaf.verdict, leaf.seq, leaf.link) == (Verdict.STORED, 7, peer.chain.links[7])
    wait_for(lambda: ingest.count(registrations) == 5, "five taps are registered")
    wait_for(lambda: ingest.count(kept_receipts) == 1, "the receipt is kept")
    with ingest.engine.begin() as conn:
        kept = conn.execute(select(kept_receipts)).one()
    told, _ = verify_receipt(kept.message, cose.keyring([ingest.receipt_key.public]))
    assert (told, kept.seq) == (leaf, 7)


def test_receipts_that_were_given_are_kept_before_it_ends(
    ingest: Ingest, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are kept now and then while messages come, and when none do; here neither happens."""
    service, keep = ingest.service, ingest.service._keep_receipts
    monkeypatch.setattr(
        service, "_keep_receipts", lambda: keep() if service._stop.is_set() else None
    )
    peer.ask("records", peer.chain.batch())
    assert ingest.count(kept_receipts) == 0
    ingest.service.stop()
    wait_for(lambda: ingest.count(kept_receipts) == 1, "the receipt is kept")


def test_messages_that_ask_for_no_acknowledgement_get_none(
    ingest: Ingest, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    acknowledged = []
    ack = mqtt.Client.ack

    def note(client: mqtt.Client, mid: int, qos: int) -> Any:
        acknowledged.append(mid)
        return ack(client, mid, qos)

    monkeypatch.setattr(mqtt.Client, "ack", note)
    for number in range(20):
        peer.say("records", b"garbage %d" % number, qos=0)
    leaf = peer.ask("records", peer.chain.batch())
    assert leaf.verdict == Verdict.STORED
    wait_for(lambda: ingest.count(rejected) == 20, "garbage is kept")
    assert acknowledged
    assert 0 not in acknowledged


def test_a_broker_that_dies_is_connected_to_again(
    broker: Broker, ingest: Ingest, peer: Peer
) -> None:
    peer.ask("records", peer.chain.batch())
    for _ in range(2):
        broker.stop(signal.SIGKILL)
        peer.notices_the_loss()
        peer.chain.tap()
        broker.start()
        leaf = peer.ask("records", peer.chain.batch())
        assert (leaf.verdict, leaf.seq) == (Verdict.STORED, peer.chain.head)
    assert ingest.count(records) == peer.chain.head


def test_while_the_database_is_away_nothing_is_receipted(
    ingest: Ingest, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    accept = ingest.custody.accept

    def twice_down(group: Any) -> Any:
        calls.append(len(group))
        if len(calls) <= 2:
            raise OperationalError("COMMIT", None, Exception("the disk is full"))
        return accept(group)

    monkeypatch.setattr(ingest.custody, "accept", twice_down)
    leaf = peer.ask("records", peer.chain.batch())
    assert (leaf.verdict, len(calls) > 2) == (Verdict.STORED, True)
    assert ingest.count(records) == peer.chain.head


def test_a_mistake_in_the_code_ends_nothing(
    ingest: Ingest, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign = receipts.sign_receipts
    calls = []

    def once_broken(leaves: Any, key: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise KeyError("a mistake")
        return sign(leaves, key)

    monkeypatch.setattr(services, "sign_receipts", once_broken)
    leaf = peer.ask("records", peer.chain.batch())
    assert (leaf.verdict, len(calls) > 1) == (Verdict.STORED, True)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_network_thread_that_ends_without_a_word_is_noticed(
    ingest: Ingest, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer.ask("records", peer.chain.batch())
    once = threading.Event()
    read = mqtt.Client.loop_read

    def broken(client: mqtt.Client, *arguments: Any, **named: Any) -> Any:
        if client._client_id == b"pointeuse-ingest" and not once.is_set():
            once.set()
            raise RuntimeError("paho's own mistake")
        return read(client, *arguments, **named)

    monkeypatch.setattr(mqtt.Client, "loop_read", broken)
    peer.chain.tap()
    leaf = peer.ask("records", peer.chain.batch())
    assert once.is_set()
    assert (leaf.verdict, leaf.seq) == (Verdict.STORED, peer.chain.head)
