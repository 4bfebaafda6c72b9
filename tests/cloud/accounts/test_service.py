import pytest
from sqlalchemy import Connection, select, update

from cloud.accounts import service, sessions
from cloud.accounts.tables import accounts
from cloud.errors import ConflictError, InvalidError, NotFoundError
from tests.cloud.accounts.conftest import PASSWORD, Clock


def test_an_address_has_one_account(conn: Connection, ann: int) -> None:
    assert service.find(conn, "ANN@example.be") == ann
    assert service.account_id(conn, "ann@example.be") == ann
    with pytest.raises(ConflictError, match=r"an account for ann@example\.be already"):
        service.create(conn, "ann@EXAMPLE.be", "Another")
    with pytest.raises(NotFoundError, match=r"no account 'bob@example\.be'"):
        service.account_id(conn, "bob@example.be")
    with pytest.raises(InvalidError, match="language 'xx'"):
        service.create(conn, "bob@example.be", "Bob", language="xx")


def test_only_the_right_password_lets_in(conn: Connection, ann: int) -> None:
    assert service.authenticate(conn, "ANN@example.be", PASSWORD) == ann
    assert service.authenticate(conn, "ann@example.be", PASSWORD.upper()) is None
    assert service.authenticate(conn, "bob@example.be", PASSWORD) is None
    assert service.authenticate(conn, "no address", PASSWORD) is None
    assert service.authenticate(conn, "ann@example.be", "") is None


def test_an_account_without_a_password_lets_nobody_in(conn: Connection) -> None:
    service.create(conn, "new@example.be", "New")
    assert service.authenticate(conn, "new@example.be", "") is None


def test_guessing_locks_the_account_longer_each_time(
    conn: Connection, ann: int, clock: Clock
) -> None:
    def wrong() -> None:
        assert service.authenticate(conn, "ann@example.be", "wrong") is None

    def right() -> int | None:
        return service.authenticate(conn, "ann@example.be", PASSWORD)

    def locked_for() -> int:
        until = conn.execute(select(accounts.c.locked_until_ms)).scalar()
        return 0 if until is None else until - clock.ms

    for _ in range(service.FREE_FAILURES):
        wrong()
        assert locked_for() == 0
    seen = []
    for _ in range(8):
        wrong()
        seen.append(locked_for() // 1000)
        assert right() is None
        clock.ms += locked_for()
    assert seen == [30, 60, 120, 240, 480, 900, 900, 900]
    assert right() == ann
    wrong()
    assert locked_for() == 0


def test_a_lock_is_not_made_longer_by_knocking(conn: Connection, ann: int, clock: Clock) -> None:
    for _ in range(service.FREE_FAILURES + 1):
        service.authenticate(conn, "ann@example.be", "wrong")
    before = conn.execute(select(accounts.c.failures, accounts.c.locked_until_ms)).one()
    clock.ms += 1000
    assert service.authenticate(conn, "ann@example.be", "wrong") is None
    assert conn.execute(select(accounts.c.failures, accounts.c.locked_until_ms)).one() == before
    assert ann


def test_a_disabled_account_is_out_at_once(conn: Connection, ann: int) -> None:
    token = sessions.begin(conn, ann)
    service.disable(conn, ann)
    assert service.authenticate(conn, "ann@example.be", PASSWORD) is None
    assert sessions.resume(conn, token) is None
    service.disable(conn, ann, disabled=False)
    assert service.authenticate(conn, "ann@example.be", PASSWORD) == ann


def test_a_new_password_ends_sessions_and_locks(conn: Connection, ann: int, clock: Clock) -> None:
    token = sessions.begin(conn, ann)
    for _ in range(service.FREE_FAILURES + 1):
        service.authenticate(conn, "ann@example.be", "wrong")
    service.set_password(conn, ann, "another good phrase of words")
    assert sessions.resume(conn, token) is None
    assert service.authenticate(conn, "ann@example.be", PASSWORD) is None
    assert service.authenticate(conn, "ann@example.be", "another good phrase of words") == ann
    assert clock.ms
    with pytest.raises(InvalidError, match="easily guessed"):
        service.set_password(conn, ann, "annmaes ann maes")


def test_an_outdated_hash_is_made_anew_at_login(conn: Connection, ann: int) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    conn.execute(update(accounts).values(password=weak))
    assert service.authenticate(conn, "ann@example.be", PASSWORD) == ann
    assert conn.execute(select(accounts.c.password)).scalar() != weak
    assert service.authenticate(conn, "ann@example.be", PASSWORD) == ann
