"""The generation survives a restored database, and a lost file."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from cloud.custody.tables import alarms, platform
from cloud.ingest.generation import GenerationError, settle


def stored(engine: Engine) -> str:
    with engine.begin() as conn:
        found: str = conn.execute(select(platform.c.value)).scalar_one()
        return found


def test_the_first_generation_is_kept_in_both_places(engine: Engine, tmp_path: Path) -> None:
    assert settle(engine, tmp_path) == 1
    assert settle(engine, tmp_path) == 1
    assert stored(engine) == (tmp_path / "generation").read_text().strip() == "1"


def test_the_larger_counts_whichever_place_holds_it(engine: Engine, tmp_path: Path) -> None:
    settle(engine, tmp_path)
    (tmp_path / "generation").write_text("7\n")
    assert settle(engine, tmp_path) == 7
    assert stored(engine) == "7"
    (tmp_path / "generation").unlink()
    assert settle(engine, tmp_path) == 7
    with engine.begin() as conn:
        conn.execute(update(platform).values(value="9"))
    assert settle(engine, tmp_path) == 9
    assert (tmp_path / "generation").read_text() == "9\n"


def test_a_database_behind_the_file_is_an_alarm(engine: Engine, tmp_path: Path) -> None:
    def raised() -> list[str]:
        with engine.begin() as conn:
            return list(conn.execute(select(alarms.c.kind)).scalars())

    settle(engine, tmp_path)
    settle(engine, tmp_path)
    assert raised() == []
    (tmp_path / "generation").write_text("4\n")
    settle(engine, tmp_path)
    settle(engine, tmp_path)
    assert raised() == ["restored"]


def test_an_empty_database_where_there_was_one_is_an_alarm(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "generation").write_text("2\n")
    assert settle(engine, tmp_path) == 2
    with engine.begin() as conn:
        assert conn.execute(select(alarms.c.kind)).scalars().all() == ["restored"]


@pytest.mark.parametrize("text", ["", "two", "-1", "0", str(2**62), "\xb2", "1 2"])
def test_a_file_without_a_generation_is_one_clear_line(
    engine: Engine, tmp_path: Path, text: str
) -> None:
    (tmp_path / "generation").write_text(text)
    with pytest.raises(GenerationError, match="generation") as caught:
        settle(engine, tmp_path)
    assert "\n" not in str(caught.value)
