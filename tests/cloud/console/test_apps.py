"""Apps on a worker's page: a code to hand over, which apps there are, and their end."""

import io
import json
import re
import zipfile

import pytest
from sqlalchemy import Engine, select

from cloud.api.app import create_app
from cloud.apps import service
from cloud.apps.tables import pairing_codes
from cloud.audit.tables import audit
from cloud.console import scanning
from cloud.console.apps import MOST
from cloud.subjects.holdings import holdings
from cloud.workers import service as workers
from tests.cloud.apps.pairing import bearer, paired
from tests.cloud.client import Client
from tests.cloud.console.company import Company

CODE = re.compile(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}")


@pytest.fixture
def manager(company: Company, reader: Engine) -> Client:
    """Granted one site only: workers are the whole company's."""
    return company.browser(reader, "manager")


def code_in(page: str) -> str:
    found = re.search(r'id="code">([^<]+)<', page)
    assert found, page
    return found[1]


def test_a_code_is_shown_once_and_pairs(company: Company, manager: Client) -> None:
    path = f"/workers/{company.worker}"
    answer = manager.post(f"{path}/apps")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    code = code_in(answer.text)
    assert CODE.fullmatch(code)
    assert "http://localhost/v1<" in answer.text
    # What is scanned is where the app sends it, and the code where no server is told of it.
    assert scanning.picture(f"http://localhost/v1/app/pairing#{code}") in answer.text
    assert code not in manager.get(path).text
    with company.engine.connect() as conn:
        kept = repr(conn.execute(select(pairing_codes)).all()) + repr(
            conn.execute(select(audit.c.detail)).all()
        )
    assert code not in kept
    given = manager.request("POST", "/v1/app/pairing", json={"code": code, "name": "<b>Tel"})
    assert given.status_code == 201
    page = manager.get(path).text
    assert "&lt;b&gt;Tel" in page
    assert "never" in page
    assert company.trail() == [
        ("console:app:offer", company.worker),
        ("console:worker:read", company.worker),
        ("api:app:pair", company.worker),
        ("console:worker:read", company.worker),
    ]


def test_it_names_the_platform_s_own_address(company: Company, reader: Engine) -> None:
    company._app = create_app(
        reader, company.engine, hosts=None, public_url="https://pointeuse.example.be/"
    )
    browser = company.browser(reader, "administrator")
    origin = {"host": "evil.example", "origin": "http://evil.example"}
    page = browser.request("POST", f"/workers/{company.worker}/apps", headers=origin).text
    assert "https://pointeuse.example.be/v1<" in page
    address = f"https://pointeuse.example.be/v1/app/pairing#{code_in(page)}"
    assert scanning.picture(address) in page
    assert "evil.example" not in page


def test_it_names_the_api_s_own_address_where_it_has_one(company: Company, reader: Engine) -> None:
    company._app = create_app(
        reader, company.engine, hosts=None, public_url="https://pointeuse.example.be",
        api_url="https://api.pointeuse.example.be",
    )  # fmt: skip
    browser = company.browser(reader, "administrator")
    page = browser.post(f"/workers/{company.worker}/apps").text
    assert "https://api.pointeuse.example.be/v1<" in page
    address = f"https://api.pointeuse.example.be/v1/app/pairing#{code_in(page)}"
    assert scanning.picture(address) in page


def test_one_is_revoked(company: Company, manager: Client, reader: Engine) -> None:
    lost, kept = (paired(company.engine, company.worker, name) for name in ("Lost", "Kept"))
    path = f"/workers/{company.worker}/apps"
    for _ in range(2):
        assert manager.post(f"{path}/{lost.app_id}/revoke").status_code == 303
    page = manager.get(f"/workers/{company.worker}").text
    assert "Kept" in page
    assert "Lost" not in page
    assert company.trail()[:-1] == [("console:app:revoke", company.worker)]
    with company.engine.begin() as conn:
        bob = workers.put_worker(conn, company.ours, "8", "Bob", "Thys")
    assert manager.post(f"/workers/{bob}/apps/{kept.app_id}/revoke").status_code == 404
    app = Client(manager._app, bearer(kept.token))
    assert app.get("/v1/app/me").status_code == 200
    assert Client(manager._app, bearer(lost.token)).get("/v1/app/me").status_code == 401


def test_the_day_of_its_last_use_is_shown_and_no_more(company: Company, manager: Client) -> None:
    with company.engine.begin() as conn:
        workers.set_active(conn, company.worker, active=False)
        workers.set_active(conn, company.worker, active=True)
    app = paired(company.engine, company.worker)
    with company.engine.begin() as conn:
        service.touch(conn, app.app_id)
    row = manager.get(f"/workers/{company.worker}").text.split("telephone")[1].split("</tr>")[0]
    assert len(re.findall(r"<td>\d{4}-\d\d-\d\d</td>", row)) == 2
    assert not re.search(r"\d\d:\d\d", row)


def test_who_reads_sees_them_and_changes_nothing(company: Company, reader: Engine) -> None:
    app = paired(company.engine, company.worker, "Ann's telephone")
    for name in ("auditor", "viewer"):
        browser = company.browser(reader, name)
        page = browser.get(f"/workers/{company.worker}").text
        assert "Ann&#39;s telephone" in page
        assert "Pair an app" not in page
        assert "Revoke" not in page
        for path in ("apps", f"apps/{app.app_id}/revoke"):
            assert browser.post(f"/workers/{company.worker}/{path}").status_code == 403


def test_an_inactive_worker_gets_none(company: Company, manager: Client) -> None:
    paired(company.engine, company.worker, "Old")
    path = f"/workers/{company.worker}"
    assert manager.post(f"{path}/active", active="no").status_code == 303
    page = manager.get(path).text
    assert "Old" not in page
    assert "Pair an app" not in page
    refused = manager.post(f"{path}/apps")
    assert refused.status_code == 422
    assert "inactive" in refused.json()["detail"]


def test_they_are_among_what_is_held_of_a_person(company: Company, reader: Engine) -> None:
    lost, kept = (paired(company.engine, company.worker, name) for name in ("Lost", "Kept"))
    with company.engine.begin() as conn:
        service.revoke(conn, company.ours, company.worker, lost.app_id)
        service.touch(conn, kept.app_id)
    path = f"/workers/{company.worker}/data"
    answer = company.browser(reader, "administrator").post(path)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        held = json.loads(file.read("data.json"))
    told = [(row["name"], bool(row["last_used_on"]), bool(row["ended_at"])) for row in held["apps"]]
    assert told == [("Lost", False, True), ("Kept", True, False)]
    assert kept.token not in repr(held)
    # Another company holds nothing of them, whatever it is asked of the worker.
    with company.engine.connect() as conn:
        assert holdings(conn, company.theirs, company.worker, None)["apps"] == []


def test_codes_are_not_made_without_end(company: Company, manager: Client, reader: Engine) -> None:
    path = f"/workers/{company.worker}/apps"
    answers = [manager.post(path).status_code for _ in range(MOST + 1)]
    assert answers == [200] * MOST + [429]
    assert manager.post(path).headers["retry-after"] == "600"
    assert company.browser(reader, "administrator").post(path).status_code == 200
