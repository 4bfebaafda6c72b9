import pytest
from sqlalchemy import Connection, func, select

from cloud.accounts import access, sessions, tables
from cloud.errors import NotFoundError
from tests.cloud.accounts.conftest import Clock, Ground


def test_a_session_is_known_by_its_token_only(conn: Connection, ann: int) -> None:
    token = sessions.begin(conn, ann)
    found = sessions.resume(conn, token)
    assert found is not None
    assert (found["account_id"], found["company_id"]) == (ann, None)
    assert sessions.resume(conn, sessions.begin(conn, ann)[::-1]) is None
    assert sessions.resume(conn, "") is None
    assert sessions.resume(conn, "é" * 43) is None
    kept = conn.execute(select(tables.sessions)).all()
    assert token not in repr(kept)
    sessions.end(conn, token)
    assert sessions.resume(conn, token) is None


def test_a_session_ends_when_idle_and_when_old(conn: Connection, ann: int, clock: Clock) -> None:
    token = sessions.begin(conn, ann)
    start = clock.ms
    while clock.ms - start < sessions.OLDEST_MS - sessions.IDLE_MS:
        clock.ms += sessions.IDLE_MS - 1
        found = sessions.resume(conn, token)
        assert found is not None
        assert sessions.is_due(found)
        sessions.touch(conn, found["id"])
    clock.ms = start + sessions.OLDEST_MS
    assert sessions.resume(conn, token) is None
    idle = sessions.begin(conn, ann)
    assert sessions.resume(conn, idle) is not None
    clock.ms += sessions.IDLE_MS
    assert sessions.resume(conn, idle) is None
    assert sessions.sweep(conn) == 2
    assert conn.execute(select(func.count()).select_from(tables.sessions)).scalar() == 0


def test_one_account_switches_between_its_companies_only(
    conn: Connection, ann: int, ground: Ground
) -> None:
    access.put_membership(conn, ann, ground.ours, "viewer")
    token = sessions.begin(conn, ann)
    found = sessions.resume(conn, token)
    assert found is not None
    sessions.switch(conn, found["id"], ann, ground.ours)
    found = sessions.resume(conn, token)
    assert found is not None
    assert found["company_id"] == ground.ours
    with pytest.raises(NotFoundError, match="no access to that company"):
        sessions.switch(conn, found["id"], ann, ground.theirs)
    with pytest.raises(NotFoundError, match="no access to that company"):
        sessions.switch(conn, found["id"], ann, 987654)
