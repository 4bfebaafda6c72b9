"""Receipts that were given, kept: the newest of an epoch, and one an hour of the older ones."""

import pytest
from sqlalchemy import Connection, Engine, insert, select

from cloud.custody import receipts
from cloud.custody.receipts import EVERY_MS
from cloud.custody.tables import epochs
from cloud.custody.tables import receipts as table
from protocol.keys import SigningKey
from protocol.receipts import Leaf, Verdict
from tests.cloud.terminal import FakeTerminal

START_MS = 1_790_000_000_000


class Epoch:
    """A chain in custody, and receipts for it."""

    def __init__(self, conn: Connection, branch: int = 0, of: "Epoch | None" = None) -> None:
        self.conn = conn
        self.terminal: FakeTerminal = of.terminal if of else FakeTerminal()
        self.terminal_id: int = of.terminal_id if of else self.terminal.register(conn)
        made = insert(epochs).values(
            terminal_id=self.terminal_id, epoch=self.terminal.epoch, head_link=bytes(32),
            created_ms=0, branch=branch,
        )  # fmt: skip
        self.id = conn.execute(made.returning(epochs.c.id)).scalar_one()

    def given(
        self, seq: int, minutes: float, verdict: Verdict = Verdict.STORED
    ) -> tuple[Leaf, bytes]:
        at = START_MS + int(minutes * 60_000)
        leaf = Leaf(
            self.terminal.thumbprint, self.terminal.epoch, seq, bytes(32), at, 1, bytes(16), verdict
        )
        return leaf, f"receipt {seq} at {minutes}".encode()

    def kept(self) -> list[int]:
        query = select(table.c.seq).where(table.c.epoch_id == self.id).order_by(table.c.seq)
        return list(self.conn.execute(query).scalars())


def test_the_newest_is_kept_and_one_an_hour(engine: Engine) -> None:
    assert EVERY_MS == 3_600_000
    with engine.begin() as conn:
        epoch = Epoch(conn)
        for seq, minutes in ((3, 0), (5, 10), (7, 20), (9, 70), (11, 80), (12, 140), (20, 141)):
            receipts.keep(conn, [epoch.given(seq, minutes)])
        assert epoch.kept() == [3, 9, 12, 20]
        found = [receipts.covering(conn, epoch.id, seq) for seq in (1, 3, 4, 12, 13, 21)]
        assert [each and each.seq for each in found] == [3, 3, 9, 12, 20, None]
        first = found[0]
        assert first is not None
        assert (first.message, first.at_ms) == (b"receipt 3 at 0", START_MS)


def test_of_one_group_the_farthest_counts_and_nothing_goes_back(engine: Engine) -> None:
    with engine.begin() as conn:
        one, other = Epoch(conn), Epoch(conn)
        receipts.keep(conn, [one.given(4, 0), other.given(2, 0), one.given(6, 0), one.given(5, 0)])
        assert (one.kept(), other.kept()) == ([6], [2])
        receipts.keep(conn, [one.given(5, 300), other.given(2, 300)])
        assert (one.kept(), other.kept()) == ([6], [2])
        kept = receipts.covering(conn, other.id, 1)
        assert kept is not None
        assert kept.at_ms == START_MS, "what was signed first says most"
        receipts.keep(conn, [])


@pytest.mark.parametrize("verdict", [v for v in Verdict if v is not Verdict.STORED])
def test_what_says_anything_else_is_left_out(engine: Engine, verdict: Verdict) -> None:
    with engine.begin() as conn:
        epoch = Epoch(conn)
        receipts.keep(conn, [epoch.given(4, 0, verdict)])
        assert epoch.kept() == []


def test_a_branch_and_a_stranger_have_none(engine: Engine) -> None:
    with engine.begin() as conn:
        epoch = Epoch(conn)
        branch = Epoch(conn, branch=1, of=epoch)
        stranger = Leaf(
            SigningKey.generate().public.thumbprint, bytes(16), 1, bytes(32), START_MS, 1,
            bytes(16), Verdict.STORED,
        )  # fmt: skip
        receipts.keep(conn, [epoch.given(4, 0), (stranger, b"x")])
        assert (epoch.kept(), branch.kept()) == ([4], [])
        assert len(conn.execute(select(table)).all()) == 1
