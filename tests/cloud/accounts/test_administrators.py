"""Who of a company's administrators can act, and that one of them stays."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select, text

from cloud.accounts import access, administrators, closing, passwords, service
from cloud.accounts.tables import accounts
from cloud.companies import service as companies
from cloud.companies import tables
from cloud.errors import ConflictError
from cloud.languages.current import mark
from cloud.mail.tables import mails
from cloud.retention import redo
from cloud.retention.log import Log, done
from cloud.settings import Retention
from cloud.times import now_ms
from tests.cloud.accounts.conftest import Ground
from tests.support.waiting import wait_for

HASH = passwords.hashed("correct horse battery staple")


def administrator(conn: Connection, name: str, company: int, *, language: str = "fr") -> int:
    """An account that administers a company, and can log in."""
    made = service.create(conn, f"{name}@example.be", name.title(), language=language)
    conn.execute(accounts.update().where(accounts.c.id == made).values(password=HASH))
    access.put_membership(conn, made, company, "administrator")
    return made


def test_who_cannot_log_in_is_none_that_can_act(conn: Connection, ground: Ground) -> None:
    cas, dirk, eve = (administrator(conn, name, ground.ours) for name in ("cas", "dirk", "eve"))
    administrator(conn, "fay", ground.theirs)
    service.disable(conn, dirk)
    conn.execute(accounts.update().where(accounts.c.id == eve).values(password=None))
    gus = service.create(conn, "gus@example.be", "Gus")
    access.put_membership(conn, gus, ground.ours, "manager")
    assert [each.id for each in administrators.of(conn, ground.ours)] == [cas]
    for change in (
        lambda: access.put_membership(conn, cas, ground.ours, "viewer"),
        lambda: access.withdraw(conn, cas, ground.ours),
        lambda: closing.begin(conn, cas),
    ):
        with pytest.raises(ConflictError, match="last administrator of Solvay who can log in"):
            change()
    # Those who cannot act may go, and so may whoever is no administrator.
    for other in (dirk, eve, gus):
        closing.begin(conn, other)
    service.disable(conn, dirk, disabled=False)
    closing.begin(conn, cas)


def test_each_is_told_in_its_own_language(conn: Connection, ground: Ground) -> None:
    for name, language in (("cas", "fr"), ("dirk", "nl"), ("eve", "de")):
        administrator(conn, name, ground.ours, language=language)
    but = service.find(conn, "eve@example.be")
    subject = mark("Somebody asks for access to %(company)s")
    conn.execute(tables.companies.update().values(name="100 % Bouw"))
    assert administrators.tell(conn, ground.ours, subject, subject, but=but) == 2
    told = conn.execute(select(mails.c.address, mails.c.subject, mails.c.body)).all()
    french = "Quelqu\u2019un demande l\u2019accès à 100 % Bouw"
    dutch = "Iemand vraagt toegang tot 100 % Bouw"
    assert [tuple(row) for row in told] == [
        ("cas@example.be", french, f"{french}\n"),
        ("dirk@example.be", dutch, f"{dutch}\n"),
    ]


def test_of_two_who_close_at_once_one_stays(engine: Engine, tmp_path: Path) -> None:
    """As the console does it: barred in one transaction, erased by the log in a later one."""
    with engine.begin() as conn:
        company = companies.register(conn, "BE0403019261", "Solvay")
        both = [administrator(conn, name, company) for name in ("cas", "dirk")]

    def close(account: int) -> None:
        with engine.begin() as conn:
            Log(tmp_path).account(closing.begin(conn, account), now_ms(), above=done(conn))

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as conn:
            Log(tmp_path).account(closing.begin(conn, both[0]), now_ms(), above=done(conn))
            second = pool.submit(close, both[1])
            if engine.dialect.name == "postgresql":
                wait_for(lambda: second.done() or _waits(engine), "the second waits or is done")
        with pytest.raises(ConflictError, match="last administrator of Solvay"):
            second.result()
    # Nothing of the first is erased yet, and it counts for nothing already.
    with engine.connect() as conn:
        assert [each.id for each in administrators.of(conn, company)] == [both[1]]
    redo.catch_up(engine, tmp_path, Retention())
    with engine.connect() as conn:
        assert [each.id for each in administrators.of(conn, company)] == [both[1]]


def _waits(engine: Engine) -> bool:
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with engine.connect() as conn:
        return bool(conn.execute(text(waiting)).scalar_one())
