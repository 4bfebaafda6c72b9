"""Codes that pair apps: each once, for ten minutes, for an active worker; and how apps end."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, func, select, update

from cloud import times
from cloud.accounts import tokens
from cloud.apps import pairing, service
from cloud.apps.pairing import LIFE_MS, Paired, Refused, Why
from cloud.apps.tables import apps, pairing_codes, technical_accounts
from cloud.errors import ConflictError, InvalidError, NotFoundError
from cloud.workers import service as workers
from cloud.workers.tables import workers as worker_table
from tests.cloud.apps.pairing import pair, paired
from tests.cloud.console.company import Company
from tests.support.postgresql import waits_for_a_lock
from tests.support.waiting import wait_for


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the time that pairing goes by."""

    def set_to(moment_ms: int) -> None:
        monkeypatch.setattr(pairing, "now_ms", lambda: moment_ms)

    return set_to


def offered(engine: Engine, company: Company) -> str:
    with engine.begin() as conn:
        return pairing.offer(conn, company.ours, company.worker)[0]


def exchanged(engine: Engine, code: str) -> Paired | Refused:
    with engine.begin() as conn:
        return pairing.exchange(conn, code, "telephone")


def count(engine: Engine) -> list[int]:
    """How many apps are in use, and technical accounts."""
    in_use = select(func.count(apps.c.id)).where(apps.c.revoked_ms.is_(None))
    with engine.connect() as conn:
        queries = (in_use, select(func.count(technical_accounts.c.id)))
        return [conn.execute(query).scalar_one() for query in queries]


def test_a_code_pairs_one_app_and_is_used_up(company: Company, engine: Engine) -> None:
    code = offered(engine, company)
    found = exchanged(engine, code)
    assert isinstance(found, Paired)
    assert (found.company_id, found.worker_id) == (company.ours, company.worker)
    with engine.connect() as conn:
        row = service.find(conn, found.token)
    assert row
    assert dict(row) == {
        "app_id": found.app_id, "worker_id": company.worker, "company_id": company.ours,
    }  # fmt: skip
    assert exchanged(engine, code) == Refused(Why.USED, company.ours, company.worker)
    assert count(engine) == [1, 1]


def test_several_apps_have_one_technical_account(company: Company, engine: Engine) -> None:
    first, second = (paired(engine, company.worker, name) for name in ("old one", " new  one "))
    assert first.technical_account_id == second.technical_account_id
    assert first.token != second.token
    theirs = paired(engine, company.their_worker)
    assert theirs.technical_account_id != first.technical_account_id
    with engine.connect() as conn:
        named = [row["name"] for row in service.of_worker(conn, company.worker)]
    assert named == ["old one", "new one"]


@pytest.mark.parametrize(
    "typed",
    [str.lower, lambda code: code.replace("-", ""), lambda code: f" {code[:7]} {code[7:]} "],
)
def test_however_it_is_typed(company: Company, engine: Engine, typed: Callable[[str], str]) -> None:
    assert isinstance(exchanged(engine, typed(offered(engine, company))), Paired)


def test_it_works_for_ten_minutes(
    company: Company, engine: Engine, clock: Callable[[int], None]
) -> None:
    clock(1_000)
    with engine.begin() as conn:
        code, until_ms = pairing.offer(conn, company.ours, company.worker)
    assert until_ms == 1_000 + LIFE_MS
    clock(until_ms)
    assert exchanged(engine, code) == Refused(Why.EXPIRED, company.ours, company.worker)
    clock(until_ms - 1)
    assert isinstance(exchanged(engine, code), Paired)


def test_a_newer_code_ends_the_one_before(company: Company, engine: Engine) -> None:
    older, newer = (offered(engine, company) for _ in range(2))
    assert exchanged(engine, older) == Refused(Why.UNKNOWN)
    assert isinstance(exchanged(engine, newer), Paired)
    # Also one that was used is forgotten, and not good again.
    offered(engine, company)
    assert exchanged(engine, newer) == Refused(Why.UNKNOWN)


def test_a_name_that_can_be_none_uses_nothing_up(company: Company, engine: Engine) -> None:
    code = offered(engine, company)
    for name in ("", " ", "a\x00b"):
        with engine.begin() as conn, pytest.raises(InvalidError, match="the name"):
            pairing.exchange(conn, code, name)
    assert isinstance(exchanged(engine, code), Paired)


def test_a_code_is_made_for_an_active_worker_of_the_company(
    company: Company, engine: Engine
) -> None:
    with engine.begin() as conn:
        for worker in (company.their_worker, 987_654):
            with pytest.raises(NotFoundError, match="no such worker"):
                pairing.offer(conn, company.ours, worker)
        workers.set_active(conn, company.worker, active=False)
        with pytest.raises(ConflictError, match="inactive"):
            pairing.offer(conn, company.ours, company.worker)
        assert conn.execute(select(func.count()).select_from(pairing_codes)).scalar() == 0


@pytest.mark.parametrize("leaves", ["is made inactive", "row alone is changed"])
def test_a_worker_who_is_made_inactive_between_pairs_nothing(
    company: Company, engine: Engine, leaves: str
) -> None:
    code = offered(engine, company)
    with engine.begin() as conn:
        if leaves == "is made inactive":
            workers.set_active(conn, company.worker, active=False)
        else:
            conn.execute(update(worker_table).values(active=False))
    refused = exchanged(engine, code)
    assert isinstance(refused, Refused)
    with engine.begin() as conn:
        workers.set_active(conn, company.worker, active=True)
    if leaves == "is made inactive":
        assert exchanged(engine, code) == Refused(Why.UNKNOWN)
    else:
        assert refused == Refused(Why.INACTIVE, company.ours, company.worker)


def test_of_two_apps_at_once_one_is_paired(company: Company, engine: Engine) -> None:
    for number in range(1, 5):
        code = offered(engine, company)
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda _, code=code: exchanged(engine, code), range(2)))
        assert [isinstance(each, Paired) for each in found].count(True) == 1
        assert Refused(Why.USED, company.ours, company.worker) in found
        assert count(engine) == [number, 1]


@pytest.mark.parametrize("first", ["it ends", "it is paired"])
def test_a_worker_who_is_made_inactive_meanwhile_has_no_app(
    company: Company, engine: Engine, backend: str, first: str
) -> None:
    code = offered(engine, company)

    def leave(conn: Connection) -> None:
        workers.set_active(conn, company.worker, active=False)

    def come(conn: Connection) -> None:
        pairing.exchange(conn, code, "telephone")

    ahead, behind = (leave, come) if first == "it ends" else (come, leave)

    def follow() -> None:
        with engine.begin() as conn:
            behind(conn)

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as conn:
            ahead(conn)
            following = pool.submit(follow)
            if backend == "postgresql":
                wait_for(
                    lambda: following.done() or waits_for_a_lock(engine),
                    "the second waits or is done",
                )
        following.result()
    assert count(engine)[0] == 0


@pytest.mark.parametrize("way", ["set_active", "put_worker"])
def test_all_end_when_the_worker_becomes_inactive_and_stay_so(
    company: Company, engine: Engine, way: str
) -> None:
    found = [paired(engine, company.worker) for _ in range(2)]
    other = paired(engine, company.their_worker)
    code = offered(engine, company)
    for active in (False, True):
        with engine.begin() as conn:
            if way == "set_active":
                workers.set_active(conn, company.worker, active)
            else:
                workers.put_worker(conn, company.ours, "7", "Ann", "Maes", active=active)
        with engine.connect() as conn:
            assert [service.find(conn, each.token) for each in found] == [None, None]
            assert service.of_worker(conn, company.worker) == []
            assert service.find(conn, other.token)
        assert isinstance(exchanged(engine, code), Refused)


def test_no_token_is_found_of_an_inactive_worker(company: Company, engine: Engine) -> None:
    """Whoever made the worker inactive, and however."""
    found = paired(engine, company.worker)
    with engine.begin() as conn:
        conn.execute(update(worker_table).values(active=False))
        assert service.find(conn, found.token) is None


def test_one_is_revoked_and_the_others_stay(company: Company, engine: Engine) -> None:
    lost, kept = (paired(engine, company.worker) for _ in range(2))
    with engine.begin() as conn:
        assert service.revoke(conn, company.ours, company.worker, lost.app_id)
        assert not service.revoke(conn, company.ours, company.worker, lost.app_id)
        assert service.find(conn, lost.token) is None
        assert service.find(conn, kept.token)
        colleague = workers.put_worker(conn, company.ours, "8", "Bob", "Thys")
        for owner, worker, app in (
            (company.theirs, company.worker, kept.app_id),
            (company.ours, colleague, kept.app_id),
            (company.ours, company.worker, 987_654),
        ):
            with pytest.raises(NotFoundError, match="no such app"):
                service.revoke(conn, owner, worker, app)
        assert service.find(conn, kept.token)


def test_of_who_is_erased_nothing_is_left(company: Company, engine: Engine) -> None:
    for worker in (company.worker, company.their_worker):
        paired(engine, worker)
        paired(engine, worker)
    offered(engine, company)
    with engine.begin() as conn:
        service.revoke(conn, company.ours, company.worker, 1)
        service.erase(conn, company.worker)
        left = [
            conn.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (technical_accounts, apps, pairing_codes)
        ]
        assert left == [1, 2, 1]
        assert len(service.of_worker(conn, company.their_worker)) == 2


def test_what_is_kept_gives_nothing_away(company: Company, engine: Engine) -> None:
    code = offered(engine, company)
    found = exchanged(engine, code)
    assert isinstance(found, Paired)
    with engine.connect() as conn:
        rows = [
            *conn.execute(select(apps)).all(),
            *conn.execute(select(pairing_codes)).all(),
        ]
    kept = repr(rows)
    for secret in (code, code.replace("-", ""), found.token):
        assert secret not in kept
    assert repr(tokens.digest(found.token)) in kept


@pytest.mark.parametrize("token", ["", "short", "A" * 43, "é" * 43, "A" * 44])
def test_what_is_no_token_is_nobody_s(company: Company, engine: Engine, token: str) -> None:
    paired(engine, company.worker)
    with engine.connect() as conn:
        assert service.find(conn, token) is None


def test_of_its_use_the_day_is_kept(
    company: Company, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def used() -> int | None:
        with engine.connect() as conn:
            found: int | None = service.of_worker(conn, company.worker)[0]["used_ms"]
            return found

    with engine.begin() as conn:
        app = pair(conn, company.worker).app_id
    assert used() is None
    for now, day in (
        ("2026-03-28T23:59+01:00", "2026-03-28"),
        ("2026-03-29T00:00+01:00", "2026-03-29"),
        ("2026-03-29T23:30+02:00", "2026-03-29"),
        # A clock that was put back makes it no earlier.
        ("2026-03-28T12:00+01:00", "2026-03-29"),
    ):
        monkeypatch.setattr(times, "now_ms", lambda now=now: times.parse(now))
        with engine.begin() as conn:
            service.touch(conn, app)
        assert used() == times.parse(day)
