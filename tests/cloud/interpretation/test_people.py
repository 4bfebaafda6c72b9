"""Badges are found by their number, however many there are."""

from typing import Any

import pytest
from sqlalchemy import Engine, event

from cloud.interpretation.people import People
from protocol.badges import Assurance, Badge


def _badge(profile: str, number: int) -> Badge:
    return Badge(f"{number:010X}", profile, Assurance.UID, 0, None, None)


def test_badges_of_several_profiles_are_told_apart(engine: Engine) -> None:
    found = [_badge(profile, n) for n in range(1, 900) for profile in ("em4100", "uid")]
    with engine.begin() as conn:
        first = dict(People().know(conn, found))
        again = People().know(conn, found)
    assert len({person.badge_id for person in first.values()}) == len(found)
    assert first == again


@pytest.mark.parametrize("backend", ["sqlite"])
def test_sqlite_never_reads_all_badges_to_find_some(engine: Engine) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_conn: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    with engine.begin() as conn:
        event.listen(conn, "before_cursor_execute", note)
        People().know(conn, [_badge("em4100", n) for n in range(1, 100)])
        event.remove(conn, "before_cursor_execute", note)
        plans = [
            str(step)
            for statement, parameters in asked
            for step in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    assert any("badges" in plan for plan in plans)
    assert not [plan for plan in plans if "SCAN badges" in plan]
