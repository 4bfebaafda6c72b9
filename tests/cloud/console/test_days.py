"""The day view, and corrections on the console."""

import re

import pytest
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.exc import DBAPIError

from cloud.audit.tables import audit
from cloud.registrations.tables import (
    correction_decisions,
    registration_corrections,
    registrations,
)
from tests.cloud.client import Client
from tests.cloud.console.company import CANARY, Company
from tests.cloud.console.tapping import Gates

MONDAY = "date=2026-03-02"


def periods(page: str) -> list[str]:
    """What stands in each period, without tags."""
    found = [
        re.sub(r"<[^>]+>", "", item).replace(" #", "").replace("\N{EN DASH}", "-")
        for part in page.split('<ul class="pairs">')[1:]
        for item in re.findall(r"<li>(.*?)</li>", part.split("</ul>")[0], re.DOTALL)
    ]
    return [" ".join(each.split()) for each in found]


def day(browser: Client, query: str = MONDAY) -> list[str]:
    answer = browser.get(f"/days?{query}")
    assert answer.status_code == 200, answer.text
    return periods(answer.text)


def right(browser: Client, number: int, was: str, **more: str) -> int:
    sent = {"reason": "He forgot"} | more
    return browser.post(f"/registrations/{number}/corrections", right=was, **sent).status_code


def test_everybody_sees_the_days_of_whom_they_see(
    company: Company, gates: Gates, reader: Engine
) -> None:
    gates.tap("07:00")
    gates.tap("12:00", "out")
    gates.tap("13:00", site=company.mine)
    gates.tap("16:30", "out", site=company.mine)
    gates.stranger("09:00", site=company.dock)
    quai, mine, guest = "07:00 - 12:00 5:00 Quai", "13:00 - 16:30 3:30 Mine", "09:00 - ? Dock"
    guest += " out missing"
    for name, expected in {
        "administrator": [guest, quai, mine],
        "auditor": [guest, quai, mine],
        "manager": [mine],
        "viewer": [guest, quai],
        "external": [quai],
        "other": [guest],
    }.items():
        browser = company.browser(reader, name)
        assert day(browser) == expected, name
        found = browser.get(f"/days/{company.worker}?since=2026-03-02&until=2026-03-02")
        if name == "other":
            assert found.status_code == 404
        else:
            assert periods(found.text) == [each for each in expected if each != guest], name
    browser = company.browser(reader, "administrator")
    assert day(browser, f"{MONDAY}&site={company.mine}") == [mine]
    assert "8:30" in browser.get(f"/days?{MONDAY}").text
    assert day(browser, "date=2026-03-03") == []
    assert company.browser(reader, None).get("/days").status_code == 303
    assert ("console:day:read", company.worker) in company.trail()
    assert ("console:day:list", None) in company.trail()


def test_what_is_odd_is_marked(company: Company, gates: Gates, administrator: Client) -> None:
    gates.tap("07:00", corrected=True, reason="clock-unsure")
    gates.tap("11:00", site=company.mine)
    gates.tap("12:00", "out", received_ms=2_000_000_000_000)
    gates.tap("15:00", "out", site=company.mine)
    gates.tap("22:00", "auto", site=company.dock)
    gates.tap("2026-03-03T05:00:00+01:00", "auto", site=company.dock)
    assert day(administrator) == [
        "07:00 - 12:00 5:00 Quai two sites at once arrived late clock corrected time unsure",
        "11:00 - 15:00 4:00 Mine two sites at once",
        "22:00 - 05:00 (Tue 3 Mar 2026) 7:00 Dock",
    ]
    assert "15:00</td>" in administrator.get(f"/days?{MONDAY}").text
    assert day(administrator, "date=2026-03-03") == []


def test_which_way_auto_goes_does_not_depend_on_the_day_asked_for(
    gates: Gates, administrator: Client
) -> None:
    for date in ("2026-03-01T", "2026-03-02T", "2026-03-03T"):
        gates.tap(f"{date}21:00:00+01:00", "auto")
        gates.tap(f"{date}23:30:00+01:00", "auto")
    assert day(administrator) == ["21:00 - 23:30 2:30 Quai"]


@pytest.mark.parametrize(
    "query", ["date=never", "date=0001-01-01", "date=9999-12-31", f"{MONDAY}&after=999"]
)
def test_what_cannot_be_asked_is_refused(administrator: Client, query: str) -> None:
    assert administrator.get(f"/days?{query}").status_code in (404, 422)


def test_a_period_is_bounded(company: Company, gates: Gates, administrator: Client) -> None:
    gates.tap("07:00")
    for query in ("since=2026-03-02&until=2026-03-01", "since=2020-01-01&until=2026-03-01"):
        answer = administrator.get(f"/days/{company.worker}?{query}")
        assert (answer.status_code, "until-problem" in answer.text) == (422, True)
    assert administrator.get("/days/999").status_code == 404


def test_a_missing_tap_is_entered(company: Company, gates: Gates, administrator: Client) -> None:
    gates.tap("07:00")
    path = f"/days/{company.worker}/taps"
    sent = {
        "day": "2026-03-02", "time": "16:00", "site": str(company.quai), "direction": "out",
        "reason": "He forgot; his foreman saw him leave",
    }  # fmt: skip
    for wrong, words in (
        ({"time": "late"}, "late is no time"),
        ({"reason": " "}, "reason is empty"),
        ({"direction": "auto"}, "which way"),
        ({"day": "2026-03-29", "time": "02:30"}, "clocks were put forward"),
        ({"day": "2097-03-29"}, "in the future"),
    ):
        answer = administrator.post(path, **(sent | wrong))
        assert answer.status_code == 422
        assert words in answer.text
        assert sent["site"] in answer.text
    assert administrator.post(path, **(sent | {"site": str(company.their_site)})).status_code == 404
    assert day(administrator) == ["07:00 - ? Quai out missing"]
    assert administrator.post(path, **sent).status_code == 303
    assert administrator.post(path, **sent).status_code == 422
    assert day(administrator) == ["07:00 - 16:00 9:00 Quai corrected by hand"]
    assert "foreman" in administrator.get("/corrections").text
    assert ("console:correction:enter", 1) in company.trail()
    for at, hours in (("02:30+02:00", 1), ("02:30+01:00", 2)):
        twice = sent | {"day": "2025-10-26", "time": at}
        assert administrator.post(path, **twice).status_code == 303, hours


def test_registrations_stay_and_corrections_stand_beside(
    company: Company, gates: Gates, administrator: Client, engine: Engine
) -> None:
    first, wrong = gates.tap("07:00"), gates.tap("07:05", "out")
    last = gates.tap("16:00", "in")
    with engine.connect() as conn:
        before = conn.execute(select(registrations)).all()
    assert right(administrator, wrong, "void") == 303
    assert right(administrator, last, "out") == 303
    assert right(administrator, last, "out") == 422
    assert right(administrator, last, "sideways") == 422
    assert right(administrator, last, "in", reason="") == 422
    assert day(administrator) == ["07:00 - 16:00 9:00 Quai corrected by hand"]
    one = administrator.get(f"/days/{company.worker}?since=2026-03-02&until=2026-03-02").text
    assert "Taken out of account" in one
    assert f'href="/registrations/{wrong}"' in one.split("Taken out of account")[1]
    page = administrator.get(f"/registrations/{last}").text
    assert "direction: Out" in page
    assert "The administrator" in page
    # What is corrected again takes the place of the correction before it, which stays to be read.
    assert right(administrator, last, "in") == 303
    assert "07:00 - ?" in day(administrator)[0]
    assert administrator.get(f"/registrations/{last}").text.count("He forgot") == 2
    with engine.connect() as conn:
        assert conn.execute(select(registrations)).all() == before
    assert right(administrator, first + 99, "void") == 404


def test_the_database_refuses_to_change_a_correction(
    gates: Gates, administrator: Client, engine: Engine
) -> None:
    number = gates.tap("07:00")
    assert right(administrator, number, "out", second="1") == 303
    assert administrator.post("/corrections/1/decision", approve="yes").status_code == 303
    for table in (registration_corrections, correction_decisions):
        for statement in (update(table).values(account_id=9), delete(table)):
            with pytest.raises(DBAPIError, match="append-only"), engine.begin() as conn:
                conn.execute(statement)


def test_a_second_sign_off(company: Company, gates: Gates, reader: Engine) -> None:
    one = gates.tap("07:00", site=company.mine)
    two = gates.tap("16:00", "in", site=company.mine)
    manager = company.browser(reader, "manager")
    administrator = company.browser(reader, "administrator")
    assert right(manager, two, "out", second="1") == 303
    unpaired = ["07:00 - ? Mine out missing", "16:00 - ? Mine out missing"]
    assert day(manager) == unpaired
    assert (
        "wait for a second sign-off"
        in manager.get(f"/days/{company.worker}?since=2026-03-02&until=2026-03-02").text
    )
    assert right(administrator, two, "out") == 422
    assert "Approve" not in manager.get("/corrections").text
    answer = manager.post("/corrections/1/decision", approve="yes")
    assert (answer.status_code, "proposed it yourself" in answer.text) == (422, True)
    assert day(manager) == unpaired
    for name, status in (("viewer", 404), ("auditor", 404), ("external", 404), ("other", 404)):
        browser = company.browser(reader, name)
        assert browser.post("/corrections/1/decision", approve="yes").status_code == status
    assert administrator.post("/corrections/1/decision", approve="yes").status_code == 303
    assert day(manager) == ["07:00 - 16:00 9:00 Mine corrected by hand"]
    assert administrator.post("/corrections/1/decision", approve="no").status_code == 422
    # An administrator may approve what they proposed; who proposed may always take it back.
    assert right(administrator, one, "void", second="1") == 303
    assert administrator.post("/corrections/2/decision", approve="yes").status_code == 303
    assert day(manager) == ["? - 16:00 Mine in missing corrected by hand"]
    assert right(manager, one, "in", second="1") == 303
    assert manager.post("/corrections/3/decision", approve="no").status_code == 303
    assert day(manager) == ["? - 16:00 Mine in missing corrected by hand"]
    tags = [tag for tag, _ in company.trail() if ":correction:" in tag]
    assert [tag.rpartition(":")[2] for tag in tags if not tag.endswith("list")] == [
        "propose", "approve", "propose", "approve", "propose", "refuse"
    ]  # fmt: skip


def test_who_corrects_and_who_sees_it(company: Company, gates: Gates, reader: Engine) -> None:
    number = gates.tap("07:00")
    sent = {
        "day": "2026-03-02", "time": "16:00", "site": str(company.quai), "direction": "out",
        "reason": "seen",
    }  # fmt: skip
    for name in ("auditor", "manager", "viewer", "external", "other"):
        browser = company.browser(reader, name)
        assert right(browser, number, "void") == 404, name
        assert browser.post(f"/days/{company.worker}/taps", **sent).status_code == 404, name
        assert "Enter a tap" not in browser.get(f"/days/{company.worker}").text or name == "manager"
    assert right(company.browser(reader, "administrator"), number, "void") == 303
    for name, sees in (
        ("auditor", True), ("manager", False), ("viewer", True), ("external", True),
        ("other", False),
    ):  # fmt: skip
        found = company.browser(reader, name).get("/corrections").text
        assert ("He forgot" in found) == sees, name
        assert CANARY not in found or name == "other"


def test_a_company_corrects_its_own_view_alone(
    company: Company, gates: Gates, reader: Engine
) -> None:
    """A guest's registration is seen by both companies; a correction holds for one."""
    number = gates.stranger("07:00", site=company.dock)
    assert right(company.browser(reader, "other"), number, "void") == 303
    assert day(company.browser(reader, "other")) == []
    ours = company.browser(reader, "administrator")
    assert day(ours) == ["07:00 - ? Dock out missing"]
    assert "He forgot" not in ours.get("/corrections").text
    assert "He forgot" not in ours.get(f"/registrations/{number}").text


def test_reasons_are_not_in_the_trail(
    company: Company, gates: Gates, administrator: Client, engine: Engine
) -> None:
    assert right(administrator, gates.tap("07:00"), "void", reason="He was ill") == 303
    with engine.connect() as conn:
        assert "ill" not in " ".join(conn.execute(select(audit.c.detail)).scalars())
