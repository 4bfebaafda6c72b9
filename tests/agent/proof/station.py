"""A terminal with a history: two epochs, receipts, and the files of an enrolment."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.gate import Gate
from agent.proof.questions import Answerer
from agent.status import StatusServer
from protocol.keyfiles import save_private_key
from protocol.keys import SigningKey
from protocol.receipts import Leaf, Verdict, sign_receipts
from protocol.trust import Trust
from tests.agent.terminal import Screen, Terminal, read

ROOT, RECEIPT = SigningKey.generate(), SigningKey.generate()
NUMBER = "04A1B2C3D4"


class Station:
    """Its `terminal` has what an agent has; nothing of it runs until it is asked to."""

    def __init__(self, state: Path) -> None:
        state.mkdir(exist_ok=True)
        self.state = state
        self.terminal = Terminal(state)
        self.key = self.terminal.key.public
        save_private_key(state / "identity.key", self.terminal.key)
        (state / "trust").mkdir()
        self.trust = state / "trust" / "1.cbor"
        self.trust.write_bytes(
            Trust(
                number=1,
                issued_ms=0,
                roots=[ROOT.public],
                threshold=1,
                receipt_keys=[RECEIPT.public],
                config_keys=[],
                seal_to=[self.terminal.platform.public],
            ).sign([ROOT])
        )
        self.tap(3)
        self.acknowledge()
        self.tap(2)
        self.terminal.recorder.new_epoch("a test")
        self.tap(4)
        self.acknowledge()
        self.tap(2)

    def tap(self, count: int = 1) -> None:
        """Record taps of badges, `count` under one head, and one more under the next."""
        self.terminal.recorder.record([read(NUMBER) for _ in range(count)])
        self.terminal.recorder.record([read(NUMBER)])

    def acknowledge(self) -> bytes:
        """Give the newest epoch a receipt for all it has."""
        epoch = self.terminal.journal.epochs()[-1]
        leaf = Leaf(
            self.key.thumbprint,
            epoch.epoch,
            epoch.head,
            epoch.head_link,
            1_790_000_000_000,
            1,
            b"n" * 16,
            Verdict.STORED,
        )
        (message,) = sign_receipts([leaf], RECEIPT)
        self.terminal.journal.acknowledge(
            epoch.ordinal, epoch.head, epoch.head_link, message, b"h" * 32, 1
        )
        return message

    def more(self) -> None:
        """Taps, and a receipt for them."""
        self.tap(3)
        self.acknowledge()

    def close(self) -> None:
        self.terminal.journal.close()

    @contextmanager
    def running(self) -> Iterator[Gate]:
        """A gate and a status socket, as in an agent."""
        terminal = self.terminal
        gate = Gate(terminal.journal, terminal.recorder, terminal.telemetry, Screen())
        thread = threading.Thread(target=gate.run)
        thread.start()
        answerer = Answerer(self.state, self.key, gate.ask, lambda: gate.journal)
        status = StatusServer(self.state, lambda: {"queue": 0}, answerer.answer)
        try:
            yield gate
        finally:
            status.close()
            gate.stop()
            thread.join()
