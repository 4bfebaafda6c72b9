"""One bad message, or a database that is away, takes nothing from anybody else."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DataError, OperationalError

from cloud import bulk
from cloud.custody.tables import alarms, records, rejected
from cloud.db import unavailable
from cloud.ingest import holding, rejects
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.terminals.tables import terminals
from tests.cloud.terminal import FakeTerminal

POISON = "the poisoned record"


@pytest.fixture
def custody(engine: Engine, tmp_path: Path) -> Custody:
    return Custody(engine, tmp_path, generation=1)


def crowd(engine: Engine, size: int) -> list[FakeTerminal]:
    found = [FakeTerminal() for _ in range(size)]
    with engine.begin() as conn:
        for terminal in found:
            terminal.register(conn)
            terminal.tap()
    return found


def batches(found: list[FakeTerminal]) -> list[Incoming]:
    return [Incoming(each.device, "records", each.batch()) for each in found]


def held(engine: Engine) -> int:
    with engine.begin() as conn:
        return conn.execute(select(func.count()).select_from(records)).scalar_one()


@pytest.mark.parametrize(
    "failure", [DataError("COPY", None, ValueError()), KeyError("a mistake in our code")]
)
def test_a_message_that_cannot_be_stored_is_set_aside_alone(
    engine: Engine, custody: Custody, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    found = crowd(engine, 7)
    bad = found[4]
    bad.add_raw(POISON.encode())
    insert = bulk.insert_rows

    def refuse_poison(conn: Any, table: Any, columns: Any, rows: Any) -> None:
        if table is records and any(POISON.encode() in row for row in rows):
            raise failure
        insert(conn, table, columns, rows)

    monkeypatch.setattr(holding, "insert_rows", refuse_poison)
    answers = custody.accept(batches(found))
    assert sorted(a.device for a in answers) == sorted(t.device for t in found if t is not bad)
    assert held(engine) == 6 * 3
    with engine.begin() as conn:
        (row,) = conn.execute(select(rejected)).mappings().all()
    assert (row["device"], row["reason"]) == (bad.device, "unstorable")
    assert POISON not in row["detail"]


def test_while_the_database_is_away_nothing_is_answered_or_rejected(
    engine: Engine, custody: Custody, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = crowd(engine, 3)
    insert = bulk.insert_rows

    def down(*_: Any) -> None:
        raise OperationalError("COPY", None, Exception("the disk is full"))

    monkeypatch.setattr(holding, "insert_rows", down)
    with pytest.raises(OperationalError) as caught:
        custody.accept(batches(found))
    assert unavailable(caught.value)
    monkeypatch.setattr(holding, "insert_rows", insert)
    assert held(engine) == 0
    with engine.begin() as conn:
        assert conn.execute(select(rejected)).all() == []
    assert len(custody.accept(batches(found))) == 3
    assert held(engine) == 9


def test_a_missing_table_rejects_no_messages(engine: Engine, custody: Custody) -> None:
    found = crowd(engine, 2)
    with engine.begin() as conn:
        conn.execute(text("ALTER TABLE heads RENAME TO elsewhere"))
    try:
        with pytest.raises(Exception, match="heads") as caught:
            custody.accept(batches(found))
        assert unavailable(caught.value)
    finally:
        with engine.begin() as conn:
            conn.execute(text("ALTER TABLE elsewhere RENAME TO heads"))
    assert len(custody.accept(batches(found))) == 2


def test_the_cap_is_an_alarm_of_the_terminal_raised_once(
    engine: Engine, custody: Custody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejects, "CAP", 3)
    (terminal,) = crowd(engine, 1)
    stranger = FakeTerminal()
    for each in (terminal, stranger):
        garbage = [Incoming(each.device, "records", bytes([n])) for n in range(6)]
        custody.accept(garbage)
    with engine.begin() as conn:
        rows = conn.execute(select(alarms).order_by(alarms.c.id)).mappings().all()
    assert [row["kind"] for row in rows] == ["rejected-cap", "rejected-cap"]
    assert [row["terminal_id"] is None for row in rows] == [False, True]
    assert terminal.device in rows[0]["detail"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    payload=st.one_of(
        st.binary(max_size=40),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=10,
        ).map(lambda value: json.dumps({"said": value}).encode()),
        st.sampled_from(
            [
                b'{"a": "\xed\xa0\x80"}',
                b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}",
                b'{"a": 1' + b"0" * 5000 + b"}",
                rb'{"a": "\ud800"}',
                rb'{"a\\": "\\\u0000"}',
            ]
        ),
    ),
    name=st.sampled_from(["status", "telemetry"]),
)
def test_whatever_a_terminal_says_of_itself_what_is_kept_is_json(
    engine: Engine, custody: Custody, payload: bytes, name: str
) -> None:
    (terminal,) = crowd(engine, 1)
    custody.accept(
        [
            Incoming(terminal.device, name, payload),
            Incoming(terminal.device, "status", b'{"state": "online"}'),
        ]
    )
    with engine.begin() as conn:
        kept = conn.execute(
            select(terminals.c.last_status).where(terminals.c.device == terminal.device)
        ).scalar_one()
        reasons = conn.execute(select(rejected.c.reason).distinct()).scalars().all()
    assert json.loads(kept)["status"] == {"state": "online"}
    assert set(reasons) <= {"malformed", "too-large"}


def test_what_the_broker_kept_does_not_make_a_terminal_seen(
    engine: Engine, custody: Custody
) -> None:
    (terminal,) = crowd(engine, 1)

    def seen() -> int | None:
        with engine.begin() as conn:
            return conn.execute(select(terminals.c.last_seen_ms)).scalar()

    said = b'{"state": "offline"}'
    custody.accept([Incoming(terminal.device, "status", said, retained=True)])
    assert seen() is None
    custody.accept([Incoming(terminal.device, "status", said)])
    assert seen() is not None
