"""The generation survives a restored database, and a lost file."""

from pathlib import Path

from sqlalchemy import Engine, select, update

from cloud.custody.tables import platform
from cloud.ingest.generation import settle


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
