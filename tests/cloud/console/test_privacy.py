"""Personal data in the console: taken away, previewed, erased with a second word, inspected."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from cloud.accounts import passwords
from cloud.accounts.tables import accounts
from cloud.audit.tables import audit
from cloud.mail.tables import mails
from cloud.registrations.tables import registrations
from cloud.retention.tables import erasure_requests
from cloud.settings import LIMITS, Retention
from cloud.workers import service as workers
from cloud.workers.tables import workers as workers_table
from cloud.workers.vault import Vault
from tests.cloud.console.company import CANARY, Company
from tests.cloud.console.tapping import Gates

PASSWORD = "correct horse battery staple"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "platform" / "keys").mkdir(parents=True)
    return tmp_path / "platform"


class Office:
    """The company with taps of Ann's, who left, and a platform that has its directory."""

    def __init__(
        self, company: Company, reader: Engine, directory: Path, limits: Retention
    ) -> None:
        self.company, self.reader, self.directory = company, reader, directory
        self.options = {"directory": directory, "retention": limits}
        with company.engine.begin() as conn:
            conn.execute(update(accounts).values(password=passwords.hashed(PASSWORD)))
            vault = Vault.open(directory)
            workers.put_worker(
                conn, company.ours, "7", "Ann", "Maes", active=False,
                inss_sealed=vault.seal("85073003328"), inss_mark=vault.mark("85073003328"),
            )  # fmt: skip

    def browser(self, who: str) -> Any:
        return self.company.browser(self.reader, who, **self.options)

    def rows(self, table: Any) -> list[Any]:
        with self.reader.connect() as conn:
            return list(conn.execute(select(table).order_by(table.c.id)).mappings())


@pytest.fixture
def office(company: Company, gates: Gates, reader: Engine, directory: Path) -> Office:
    for at in ("08:00", "12:00"):
        gates.tap(at)
    gates.stranger("09:00")
    return Office(company, reader, directory, LIMITS)


def opened(answer: Any) -> dict[str, bytes]:
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_all_that_is_held_of_a_worker_is_taken_away(office: Office) -> None:
    company = office.company
    files = opened(office.browser("administrator").post(f"/workers/{company.worker}/data"))
    held = json.loads(files["data.json"])
    assert held["person"] == {
        "number": "7", "given_name": "Ann", "family_name": "Maes", "inss": "85073003328",
        "active": False,
    }  # fmt: skip
    assert [row["number"] for row in held["badges"]] == ["123456789"]
    assert len(held["registrations"]) == 2
    assert b"rue de la Presse" in files["index.html"]
    assert files["registrations.csv"].startswith(b"\xef\xbb\xbfregistration;tapped_at;")
    assert company.trail()[-1] == ("console:person:export", company.worker)


def test_of_somebody_else_s_worker_only_what_was_registered_here(office: Office) -> None:
    company = office.company
    browser = office.browser("administrator")
    files = opened(browser.post(f"/workers/{company.their_worker}/data"))
    held = json.loads(files["data.json"])
    assert held["person"] == {"given_name": CANARY, "family_name": "Janssens"}
    assert len(held["registrations"]) == 1
    assert "Bouw" not in files["data.json"].decode()
    assert browser.get(f"/workers/{company.their_worker}/erasure").status_code == 200
    assert office.browser("auditor").get(f"/workers/{company.worker}/erasure").status_code == 403


def test_a_sole_administrator_s_password_is_enough(office: Office) -> None:
    company = office.company
    browser = office.browser("administrator")
    path = f"/workers/{company.worker}/erasure"
    page = browser.get(path).text
    assert "It is done at once" in page
    assert "Wed 2 Mar 2033" in page
    wrong = browser.post(path, password="wrong horse battery")
    assert wrong.status_code == 422
    assert office.rows(erasure_requests) == []
    assert browser.post(path, password=PASSWORD).status_code == 303
    assert browser.get(f"/workers/{company.worker}").status_code == 404
    assert browser.get(path).status_code == 404
    for address in ("/workers?standing=inactive", "/registrations", "/days?date=2026-03-02"):
        assert "Maes" not in browser.get(address).text, address
    page = browser.get("/privacy").text
    assert "restricted" in page
    assert "Maes" not in page
    assert browser.post(path, password=PASSWORD).status_code == 404
    (row,) = [each for each in office.rows(workers_table) if each["id"] == company.worker]
    assert (row["inss_mark"], bool(row["inss_sealed"])) == (None, True)
    # Whoever comes back is entered anew, under the same number and INSS.
    again = {"number": "7", "given_name": "Ann", "family_name": "Maes"}
    made = browser.post("/workers/new", **again, inss_number="85.07.30-033.28")
    assert made.status_code == 303


def test_where_there_is_another_administrator_that_one_approves(office: Office) -> None:
    company = office.company
    company.member("second", "administrator")
    with company.engine.begin() as conn:
        conn.execute(update(accounts).values(password=passwords.hashed(PASSWORD)))
    first, second = (office.browser(who) for who in ("administrator", "second"))
    path = f"/workers/{company.worker}/erasure"
    assert "Another administrator has to approve it" in first.get(path).text
    for _ in range(2):
        assert first.post(path, password=PASSWORD).status_code == 303
    (request,) = office.rows(erasure_requests)
    assert request["approved"] is None
    (mail,) = office.rows(mails)
    assert mail["address"] == "second@example.be"
    assert "Maes" not in mail["body"] + mail["subject"]
    assert first.get(f"/workers/{company.worker}").status_code == 200
    decision = f"/privacy/erasures/{request['id']}"
    assert first.post(decision, approve="yes", password=PASSWORD).status_code == 422
    assert second.post(decision, approve="yes", password="wrong").status_code == 422
    assert second.post(decision, approve="yes", password=PASSWORD).status_code == 303
    assert second.post(decision, approve="no", password=PASSWORD).status_code == 422
    assert first.get(f"/workers/{company.worker}").status_code == 404
    tags = [tag for tag, _ in company.trail() if ":erasure:" in tag]
    assert tags == [
        "console:erasure:enter", "console:erasure:approve", "command:erasure:carry-out"
    ]  # fmt: skip


def test_an_inspector_s_file_is_given_out_with_a_reason(office: Office) -> None:
    company = office.company
    browser = office.browser("administrator")
    browser.post(f"/workers/{company.worker}/erasure", password=PASSWORD)
    auditor = office.browser("auditor")
    for who in ("Ann Maes", "7", "85.07.30-033.28"):
        answer = auditor.post("/privacy/inspection", person=who, reason="Inspector X, file 12")
        held = json.loads(opened(answer)["data.json"])
        assert held["person"]["inss"] == "85073003328"
        assert len(held["registrations"]) == 2, who
    assert auditor.post("/privacy/inspection", person="Ann Maes").status_code == 422
    assert auditor.post("/privacy/inspection", person="Bo", reason="x").status_code == 422
    assert office.browser("manager").post(
        "/privacy/inspection", person="Ann Maes", reason="x"
    ).status_code == 403  # fmt: skip
    with company.engine.connect() as conn:
        lines = conn.execute(select(audit.c.detail).where(audit.c.tag.contains("inspect")))
        details = lines.scalars().all()
    assert len(details) == 3
    assert "Maes" not in "".join(details)


def test_an_active_worker_has_to_be_made_inactive_first(office: Office) -> None:
    company = office.company
    browser = office.browser("administrator")
    browser.post(f"/workers/{company.worker}/active", active="yes")
    answer = browser.post(f"/workers/{company.worker}/erasure", password=PASSWORD)
    assert answer.status_code == 422
    assert "inactive first" in answer.text
    assert office.rows(erasure_requests) == []


def test_how_long_presences_are_kept_is_chosen_within_the_limits(office: Office) -> None:
    browser = office.browser("administrator")
    for months, status in (("83", 422), ("121", 422), ("many", 422), ("96", 303)):
        answer = browser.post("/privacy/retention", months=months)
        assert answer.status_code == status, months
    assert "For 96 months" in browser.get("/privacy").text
    stale = browser.post("/privacy/retention", months="100", was='{"months": "84"}')
    assert stale.status_code == 409


def test_an_account_is_exported_and_closed_by_its_owner(office: Office) -> None:
    company = office.company
    viewer = office.browser("viewer")
    held = json.loads(opened(viewer.post("/account/data"))["data.json"])
    assert held["account"]["email"] == "viewer@example.be"
    assert [row["role"] for row in held["companies"]] == ["viewer"]
    assert viewer.post("/account/close", closing="wrong horse").status_code == 422
    assert viewer.post("/account/close", closing=PASSWORD).status_code == 303
    assert viewer.get("/").headers["location"] == "/login"
    assert "viewer@example.be" not in office.browser("administrator").get("/people").text
    last = office.browser("administrator").post("/account/close", closing=PASSWORD)
    assert last.status_code == 422
    assert "last administrator" in last.text
    assert company.trail()


def test_a_preview_says_what_is_done(
    company: Company, gates: Gates, reader: Engine, directory: Path
) -> None:
    """Whatever the law's time is: what goes now went, what is kept is there and hidden."""
    from cloud.retention.plan import What, plan
    from cloud.retention.terms import Terms
    from cloud.times import now_ms

    for hour in range(6, 12):
        gates.tap(f"{hour:02}:00", latest_ms=0)
    for month in range(1, 9):
        gates.tap(f"2025-{month:02}-10T08:00:00+01:00", latest_ms=0)
    office = Office(company, reader, directory, Retention(0, 84, 120))
    for months in (120, 15, 0):
        limits = Retention(months, max(months, 84), 120)
        with reader.connect() as conn:
            terms = Terms.of(conn, limits, now_ms())
            lines = {line.what: line for line in plan(conn, terms, company.ours, company.worker)}
            total = len(conn.execute(select(registrations.c.id)).all())
        assert lines[What.PRESENCES].now + lines[What.PRESENCES].kept == total == 14
        kept = bool(lines[What.PRESENCES].kept)
        assert bool(lines[What.WORKER].kept) == bool(lines[What.BADGES].kept) == kept
        assert (lines[What.WORKER].until is None) == (not kept)
    expected = lines[What.PRESENCES]
    browser = office.browser("administrator")
    browser.post(f"/workers/{company.worker}/erasure", password=PASSWORD)
    assert len(office.rows(registrations)) == expected.kept
    assert company.worker not in [row["id"] for row in office.rows(workers_table)]
