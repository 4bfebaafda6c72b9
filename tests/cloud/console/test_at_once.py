"""Two administrators at the very same moment: one is first, and nothing is half done."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Engine, func, select

from cloud.accounts import access
from cloud.accounts.tables import memberships
from cloud.companies.tables import divisions
from cloud.workers.tables import workers
from tests.cloud.client import Client
from tests.cloud.console.company import Company

ROUNDS = 4


@pytest.fixture
def company(engine: Engine) -> Company:
    company = Company(engine)
    company.member("second", "administrator")
    return company


@pytest.fixture
def both(company: Company, reader: Engine, tmp_path: Path) -> list[Client]:
    (tmp_path / "keys").mkdir()
    return [
        company.browser(reader, name, directory=tmp_path) for name in ("administrator", "second")
    ]


def at_once(both: list[Client], path: str, *forms: dict[str, str]) -> list[int]:
    """The statuses of two forms sent in the same moment, by one browser each."""
    ready = Barrier(2)

    def send(browser: Client, form: dict[str, str]) -> int:
        ready.wait()
        return browser.post(form.pop("path", path), **form).status_code

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(send, both, forms))


def test_of_one_name_there_is_one(company: Company, both: list[Client], engine: Engine) -> None:
    for number in range(ROUNDS):
        name = {"name": f"West {number}"}
        assert sorted(at_once(both, "/divisions/new", {**name}, {**name})) == [303, 422]
        worker = {"number": f"W{number}", "given_name": "Bob", "family_name": "Thys"}
        assert sorted(at_once(both, "/workers/new", {**worker}, {**worker})) == [303, 422]
    with engine.connect() as conn:
        for table, like in ((divisions, "West%"), (workers, "W%")):
            column = table.c["name" if table is divisions else "number"]
            found = select(func.count()).select_from(table).where(column.like(like))
            assert conn.execute(found).scalar() == ROUNDS
    tags = [tag for tag, _ in company.trail()]
    assert tags.count("console:division:create") == tags.count("console:worker:create") == ROUNDS


def test_one_person_is_entered_once(both: list[Client], engine: Engine) -> None:
    forms = [
        {"number": number, "given_name": "Bob", "family_name": "Thys", "inss_number": "85073003328"}
        for number in ("21", "22")
    ]
    assert sorted(at_once(both, "/workers/new", *forms)) == [303, 422]
    with engine.connect() as conn:
        marked = select(func.count()).where(workers.c.inss_mark.is_not(None))
        assert conn.execute(marked).scalar() == 1


def test_two_who_end_each_other_leave_one(
    company: Company, both: list[Client], engine: Engine
) -> None:
    with engine.connect() as conn:
        rows = [
            access.membership(conn, company.who[name], company.ours)
            for name in ("second", "administrator")
        ]
    paths = [{"path": f"/people/{row.id}/end"} for row in rows if row]
    assert 303 in at_once(both, "", *paths)
    with engine.connect() as conn:
        left = select(func.count()).where(
            memberships.c.company_id == company.ours, memberships.c.role == "administrator"
        )
        assert conn.execute(left).scalar() == 1


def test_two_who_both_step_down_leave_one(
    company: Company, both: list[Client], engine: Engine
) -> None:
    with engine.connect() as conn:
        rows = [
            access.membership(conn, company.who[name], company.ours)
            for name in ("administrator", "second")
        ]
    forms = [{"path": f"/people/{row.id}", "role": "viewer"} for row in rows if row]
    assert sorted(at_once(both, "", *forms)) == [303, 422]
    with engine.connect() as conn:
        roles = select(memberships.c.role).where(memberships.c.company_id == company.ours)
        assert sorted(conn.execute(roles).scalars()).count("administrator") == 1
