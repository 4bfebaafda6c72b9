"""One record, opened: from custody alone, and never more than it; on both databases."""

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select, update

from cloud.custody import gaps
from cloud.custody.tables import epochs, heads, records
from cloud.disclosure import service
from cloud.disclosure.service import Disclosed, Place
from cloud.errors import CloudError
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.interpretation.interpreter import Interpreter
from cloud.registrations.tables import registrations
from protocol.bodies import Body, Kind
from protocol.disclosure import Disclosure
from protocol.keys import SigningKey
from protocol.salvaged import salvaged_data
from protocol.seals import SealingKey
from tests.cloud.terminal import FakeTerminal


class Held:
    """A terminal whose records are in custody."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self.engine = engine
        self.terminal = FakeTerminal()
        self.custody = Custody(engine, directory, generation=1)
        with engine.begin() as conn:
            self.terminal_id = self.terminal.register(conn)
        for number in range(5):
            self.terminal.tap(f"000000000{number}")
        self.deliver(self.terminal)

    def deliver(self, terminal: FakeTerminal, first: int = 1) -> None:
        message = terminal.batch(first)
        self.custody.accept([Incoming(terminal.device, "records", message)])

    def interpret(self) -> None:
        Interpreter(self.engine, [self.terminal.platform]).run_to_end()

    def disclose(
        self, seq: int, *, epoch: bytes | None = None, key: SealingKey | None = None
    ) -> Disclosed:
        place = Place(self.terminal_id, epoch or self.terminal.epoch, seq)
        with self.engine.connect() as conn:
            return service.disclose(conn, place, [key or self.terminal.platform])

    def refused(self, seq: int, **other: Any) -> str:
        with pytest.raises(CloudError) as refusal:
            self.disclose(seq, **other)
        message = str(refusal.value)
        assert "\n" not in message
        return message

    def successor(self, carried: list[int]) -> FakeTerminal:
        """The terminal after its journal was damaged: a later epoch carries some records."""
        old = self.terminal
        new = FakeTerminal(old.key, old.platform, os.urandom(16), 2)
        for seq in carried:
            raw, blob = old.records[seq - 1]
            inner = Body.decode(raw)
            data = salvaged_data(old.epoch, seq, raw, whole=True)
            new.add(Kind.SALVAGED, blob, blob_ref=inner.blob_ref, data=data)
        return new


@pytest.fixture
def held(engine: Engine, tmp_path: Path) -> Held:
    return Held(engine, tmp_path)


def verified(found: Disclosed, held: Held) -> str | None:
    """The badge number that a third party reads."""
    again = Disclosure.decode(found.disclosure.encode())
    _, badge = again.verify(held.terminal.key.public)
    return None if badge is None else badge.number


def test_each_tap_opens_and_shows_no_other(held: Held) -> None:
    for seq in range(3, 8):
        found = held.disclose(seq)
        assert verified(found, held) == f"000000000{seq - 3}"
        assert (found.body.kind, found.body.seq) == (Kind.TAP, seq)
        written = found.disclosure.encode()
        for other, (body, blob) in enumerate(held.terminal.records, 1):
            assert (body in written) == (other == seq)
            if blob is not None:
                assert (blob in written) == (other == seq)


def test_it_is_found_by_its_registration(held: Held) -> None:
    held.interpret()
    with held.engine.connect() as conn:
        rows = conn.execute(
            select(registrations.c.id, registrations.c.seq, registrations.c.epoch_id)
        ).all()
        assert len(rows) == 5
        for number, seq, epoch_id in rows:
            assert service.place_of(conn, number) == Place(
                held.terminal_id, held.terminal.epoch, seq, epoch_id
            )
        with pytest.raises(CloudError, match="there is no registration 99"):
            service.place_of(conn, 99)


def test_what_names_nobody_is_proved_too(held: Held) -> None:
    for seq, kind in ((1, Kind.START), (2, Kind.SEAL)):
        found = held.disclose(seq)
        assert (found.body.kind, verified(found, held)) == (kind, None)


def test_the_next_head_may_come_with_a_later_batch(held: Held) -> None:
    held.terminal.tap("0000000005")
    held.deliver(held.terminal, 8)
    assert len(held.disclose(7).disclosure.following) == 0
    assert len(held.disclose(3).disclosure.following) == 4
    with held.engine.begin() as conn:
        conn.execute(delete(heads).where(heads.c.seq == 7))
    found = held.disclose(7)
    assert len(found.disclosure.following) == 1
    assert verified(found, held) == "0000000004"
    with held.engine.begin() as conn:
        conn.execute(delete(heads))
    assert "no head" in held.refused(7)


def test_a_record_carried_over_is_found_under_both_its_places(held: Held) -> None:
    new = held.successor([1, 2, 4])
    held.deliver(new)
    with held.engine.begin() as conn:
        old = select(epochs.c.id).where(epochs.c.epoch == held.terminal.epoch)
        conn.execute(delete(records).where(records.c.epoch_id.in_(old)))
    for seq, epoch in ((4, held.terminal.epoch), (4, new.epoch)):
        found = held.disclose(seq, epoch=epoch)
        assert verified(found, held) == "0000000001"
        assert (found.stands.epoch, found.stands.seq) == (new.epoch, 4)
        assert (found.body.epoch, found.body.seq) == (held.terminal.epoch, 4)
    assert held.disclose(2, epoch=held.terminal.epoch).body.kind == Kind.SEAL
    assert "not in custody" in held.refused(3)


def test_its_seal_may_be_in_the_old_epoch_or_carried_over_after_it(held: Held) -> None:
    new = held.successor([4, 2])
    held.deliver(new)
    assert verified(held.disclose(2, epoch=new.epoch), held) == "0000000001"
    with held.engine.begin() as conn:
        old = select(epochs.c.id).where(epochs.c.epoch == held.terminal.epoch)
        conn.execute(delete(records).where(records.c.epoch_id.in_(old)))
    assert verified(held.disclose(2, epoch=new.epoch), held) == "0000000001"
    with held.engine.begin() as conn:
        conn.execute(delete(records).where(records.c.seq == 3))
    assert "its seal" in held.refused(2, epoch=new.epoch)


def test_a_record_in_a_branch_is_refused(held: Held) -> None:
    clone = held.terminal.clone()
    held.terminal.tap("0000000007")
    held.deliver(held.terminal, 8)
    for _ in range(3):
        clone.tap("0000000008")
    held.deliver(clone, 8)
    assert verified(held.disclose(8), held) == "0000000007"
    assert "is in a branch" in held.refused(9)


def test_what_cannot_be_disclosed_is_refused_in_one_sentence(held: Held) -> None:
    assert "not in custody" in held.refused(99)
    assert "not in custody" in held.refused(1, epoch=b"?" * 16)
    assert "none of these keys" in held.refused(3, key=SealingKey.generate())
    with held.engine.begin() as conn:
        conn.execute(update(records).where(records.c.seq == 4).values(blob=None))
        conn.execute(update(records).where(records.c.seq == 5).values(blob=b"?"))
        other = held.terminal.records[4][0]
        conn.execute(update(records).where(records.c.seq == 6).values(body=other))
    assert "erased" in held.refused(4)
    assert "a blob of 1 bytes" in held.refused(5)
    assert "names another place" in held.refused(6)
    assert "not in the chain" in held.refused(3), "the path to its head leads over record 6"


def test_a_body_nobody_can_read_is_refused(held: Held) -> None:
    seq = held.terminal.add_raw(b"not CBOR")
    held.deliver(held.terminal, seq)
    assert "cannot be read" in held.refused(seq)


def test_the_first_record_after_a_gap_has_no_link_to_continue(held: Held) -> None:
    with held.engine.begin() as conn:
        conn.execute(delete(records).where(records.c.seq == 3))
    assert "the record before it is not in custody" in held.refused(4)


def test_a_gap_that_was_accepted_proves_the_record_after_it(held: Held) -> None:
    with held.engine.begin() as conn:
        epoch_id, link = conn.execute(
            select(records.c.epoch_id, records.c.link).where(records.c.seq == 3)
        ).one()
        conn.execute(delete(records).where(records.c.seq == 3))
        gaps.note(conn, held.terminal_id, epoch_id, gaps.Hole(3, 3, link))
    assert held.disclose(4).stands.seq == 4


def test_a_terminal_registered_under_another_key_proves_nothing(held: Held) -> None:
    from cloud.terminals.tables import terminals

    with held.engine.begin() as conn:
        key = SigningKey.generate().public.to_cose()
        conn.execute(update(terminals).values(public_key=key))
    assert "cannot be disclosed" in held.refused(3)
