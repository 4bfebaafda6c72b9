"""A terminal that puts another's records, or another's names, into its own chain."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from cloud.custody.tables import waiting
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.interpretation.interpreter import Interpreter
from cloud.registrations.tables import registrations
from protocol import seals
from protocol.bodies import Kind
from tests.cloud.terminal import FakeTerminal


class Two:
    """An honest terminal, and one that saw everything the honest one sent."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self.engine = engine
        self.honest = FakeTerminal()
        self.thief = FakeTerminal(platform=self.honest.platform)
        self.custody = Custody(engine, directory, generation=1)
        self.interpreter = Interpreter(engine, [self.honest.platform])
        with engine.begin() as conn:
            self.honest_id = self.honest.register(conn)
            self.thief_id = self.thief.register(conn)

    def deliver(self, terminal: FakeTerminal) -> None:
        self.custody.accept([Incoming(terminal.device, "records", terminal.batch())])
        self.interpreter.run_to_end()

    def registered(self) -> list[tuple[int, int]]:
        with self.engine.begin() as conn:
            query = select(registrations.c.terminal_id, registrations.c.seq)
            return [(row[0], row[1]) for row in conn.execute(query.order_by("terminal_id", "seq"))]

    def waits(self) -> list[tuple[int, str]]:
        with self.engine.begin() as conn:
            query = select(waiting.c.seq, waiting.c.reason).order_by(waiting.c.seq)
            return [(row[0], row[1]) for row in conn.execute(query)]


@pytest.fixture
def two(engine: Engine, tmp_path: Path) -> Two:
    return Two(engine, tmp_path)


def test_taps_copied_from_another_terminal_register_nobody_here(two: Two) -> None:
    two.honest.tap()
    for record in two.honest.records[1:]:
        two.thief.add_raw(*record)
    two.deliver(two.honest)
    two.deliver(two.thief)
    assert two.registered() == [(two.honest_id, 3)]
    assert two.waits() == [(2, "undecodable"), (3, "undecodable")]


def test_a_copied_seal_is_not_found_in_custody_either(two: Two) -> None:
    two.honest.tap()
    for record in two.honest.records[1:]:
        two.thief.add_raw(*record)
    two.deliver(two.thief)
    two.interpreter = Interpreter(two.engine, [two.honest.platform])
    two.deliver(two.honest)
    assert two.registered() == [(two.honest_id, 3)]


def test_a_seal_under_anothers_names_spoils_nothing_of_the_other(two: Two) -> None:
    two.honest.tap()
    two.deliver(two.honest)
    assert two.honest.content is not None
    poison = seals.ContentKey(two.honest.content.seal_id, b"p" * 32)
    recipients = [two.honest.platform.public]
    # In the thief's own name, but with the honest epoch's id; then in the honest terminal's name.
    named = FakeTerminal(two.thief.key, two.thief.platform, two.honest.epoch)
    data = seals.make_seal(
        poison, recipients, terminal=named.thumbprint, epoch=named.epoch, seq=named.head + 1
    )
    named.add(Kind.SEAL, data=data)
    two.deliver(named)
    forged = FakeTerminal(two.honest.key, two.honest.platform, two.honest.epoch)
    data = seals.make_seal(
        poison, recipients, terminal=forged.thumbprint, epoch=forged.epoch, seq=forged.head + 1
    )
    forged.add(Kind.SEAL, data=data)
    two.thief.add_raw(*forged.records[1])
    # A tap under a seal that is nowhere has custody searched, past the forged one.
    two.thief.content = seals.ContentKey.generate()
    two.thief.tap()
    two.deliver(two.thief)
    assert two.waits() == [(2, "undecodable"), (3, "seal-missing")]
    two.honest.tap("0000000001")
    two.deliver(two.honest)
    assert two.registered() == [(two.honest_id, 3), (two.honest_id, 4)]
