"""A message the database cannot take is found among the others, which are stored."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import DataError

from cloud.custody.tables import epochs, rejected
from cloud.ingest.chains import Anchor, Chains, Placed
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.ingest.verify import Proven
from tests.cloud.terminal import FakeTerminal


@pytest.mark.parametrize("place", range(5))
def test_one_poisoned_message_holds_up_no_other(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    terminals = [FakeTerminal() for _ in range(5)]
    poisoned = terminals[place].epoch
    with engine.begin() as conn:
        for terminal in terminals:
            terminal.register(conn)
    put = Chains.place

    def breaking(self: Chains, proven: Proven, anchor: Anchor | None) -> Placed:
        if proven.batch.epoch == poisoned:
            raise DataError("INSERT", {}, ValueError("a value no column takes"))
        return put(self, proven, anchor)

    monkeypatch.setattr(Chains, "place", breaking)
    custody = Custody(engine, tmp_path, generation=1)
    answers = custody.accept([Incoming(t.device, "records", t.batch()) for t in terminals])
    assert len(answers) == 4
    with engine.begin() as conn:
        held = set(conn.execute(select(epochs.c.epoch)).scalars())
        refused = conn.execute(select(rejected.c.device, rejected.c.reason)).all()
    assert held == {terminal.epoch for terminal in terminals} - {poisoned}
    assert [tuple(row) for row in refused] == [(terminals[place].device, "unstorable")]
