"""The benchmark of ingest runs, and says what it promises to say."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Table, select

from bench.ingest import EACH, enrolled
from bench.ingest_floor import Floor
from bench.ingest_load import packet, publish
from cloud import db, migrations
from cloud.custody.tables import heads, records
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.interpretation.interpreter import Interpreter
from cloud.registrations.tables import registrations
from protocol.seals import SealingKey
from tests.bench.test_queue import bench, shape


@pytest.mark.integration
@pytest.mark.timeout(180)
def test_every_record_is_receipted_and_registered() -> None:
    done = bench("ingest", "--scale", "0.02", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["ingest"]
    shares = found.pop("share_of_cpu")
    assert shares.keys() == {"mosquitto", "postgresql", "ingest", "load"}
    each = found.pop("cpu_us")
    assert each["ingest"].keys() == {*shares, "all"}
    assert (
        each["floor"].keys() == each["mosquitto"].keys() == {*shares, "all"} ^ {"ingest", "floor"}
    )
    assert min(each["ingest"]["ingest"], each["floor"]["floor"], each["floor"]["postgresql"]) > 0
    assert shape(found) == {
        "per_s": True,
        "floor_per_s": True,
        "mosquitto_per_s": True,
        "postgresql_per_s": True,
        "share_of_floor": True,
        "receipted_per_s": True,
    }


_OWN = {"id", "epoch_id", "seq", "terminal_id", "received_ms", "link", "body", "blob", "head"}
"""Columns that no two records have alike."""


def test_the_floor_writes_the_rows_that_ours_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.ingest.WORKERS", EACH)
    engine = db.writer_engine(f"sqlite:///{tmp_path / 'platform.sqlite'}")
    migrations.upgrade(engine)
    sealing = SealingKey.generate()
    known, (terminal,) = enrolled(engine, sealing, 1)
    custody = Custody(engine, tmp_path, 1)
    custody.accept([Incoming(terminal.device, "records", terminal.batch(1, 2))])
    messages = [
        Incoming(terminal.device, "records", terminal.batch(seq, seq))
        for seq in range(3, terminal.head + 1)
    ]
    custody.accept(messages)
    Interpreter(engine, [sealing]).run_to_end()
    Floor(known, 1_000_000).write(engine, messages)
    assert [len(_rows(engine, table)) for table in (registrations, heads)] == [
        2 * EACH,
        2 * EACH + 1,
    ]
    ours, floors = _halves(_rows(engine, registrations))
    assert [_shared(row) for row in floors] == [_shared(row) for row in ours]
    for table, names in ((records, ("body", "blob", "link")), (heads, ("head",))):
        for our, floor in zip(*_halves(_rows(engine, table)), strict=True):
            assert all(abs(len(our[name]) - len(floor[name])) <= 1 for name in names)
    engine.dispose()


def _rows(engine: Engine, table: Table) -> list[dict[str, Any]]:
    with engine.connect() as conn:
        query = select(table).order_by(table.c.epoch_id, table.c.seq)
        return [dict(row) for row in conn.execute(query).mappings()]


def _halves(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The taps of ours, and the floor's."""
    return rows[-2 * EACH : -EACH], rows[-EACH:]


def _shared(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _OWN}


@pytest.mark.parametrize(
    ("length", "header"),
    [(0, "3000"), (127, "307f"), (128, "308001"), (16_383, "30ff7f"), (16_384, "30808001")],
)
def test_packets_say_their_length_as_mqtt_does(length: int, header: str) -> None:
    """The table of MQTT 5, 1.5.5."""
    assert packet(0x30, bytes(length))[: len(header) // 2].hex() == header


def test_a_publish_names_its_terminal() -> None:
    made = publish("0ABC", "records", b"payload", 7)
    assert made[2:] == b"\0\x19pointeuse/v1/0ABC/records" + b"\0\x07\0payload"
