"""Sealing keys: whatever a terminal may have sealed under, the platform opens."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from cloud.custody.tables import waiting
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.interpretation.interpreter import Interpreter
from cloud.registrations.tables import registrations
from cloud.sealing import sealing_keys
from protocol.errors import KeyFileError
from protocol.keyfiles import save_private_key
from protocol.seals import SealingKey
from tests.cloud.terminal import FakeTerminal

NAMES = ["sealing.key", "sealing-2.key", "sealing-11.key", "sealing.key.next"]


@pytest.fixture
def made(tmp_path: Path) -> dict[str, SealingKey]:
    (tmp_path / "keys").mkdir()
    found = {name: SealingKey.generate() for name in NAMES}
    for name, key in found.items():
        save_private_key(tmp_path / "keys" / name, key)
    save_private_key(tmp_path / "keys" / "recovery.key", SealingKey.generate())
    return found


def test_the_key_in_use_comes_first(tmp_path: Path, made: dict[str, SealingKey]) -> None:
    kids = [key.public.kid for key in sealing_keys(tmp_path)]
    assert kids[0] == made["sealing.key"].public.kid
    assert set(kids) == {key.public.kid for key in made.values()}
    assert len(kids) == len(made)


def test_a_seal_of_any_of_them_is_opened(
    engine: Engine, tmp_path: Path, made: dict[str, SealingKey]
) -> None:
    custody = Custody(engine, tmp_path, 1)
    for key in made.values():
        terminal = FakeTerminal(platform=key)
        with engine.begin() as conn:
            terminal.register(conn)
        terminal.tap()
        custody.accept([Incoming(terminal.device, "records", terminal.batch())])
    Interpreter(engine, sealing_keys(tmp_path)).run_to_end()
    with engine.begin() as conn:
        assert len(conn.execute(select(registrations.c.id)).all()) == len(NAMES)
        assert conn.execute(select(waiting)).all() == []


def test_a_retired_key_that_cannot_be_read_is_said(
    tmp_path: Path, made: dict[str, SealingKey]
) -> None:
    assert made
    (tmp_path / "keys" / "sealing-2.key").write_text("nothing")
    with pytest.raises(KeyFileError, match=r"sealing-2\.key"):
        sealing_keys(tmp_path)
