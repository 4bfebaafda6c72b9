"""Days over the API: the pairs that the console shows, for the programs of each company."""

from typing import Any

import pytest
from sqlalchemy import Engine

from cloud.audit.service import Actor
from cloud.registrations import correcting
from cloud.visibility.rules import viewer
from cloud.workers import service as workers
from tests.cloud.api.conftest import program
from tests.cloud.client import Client
from tests.cloud.console.company import CANARY, Company
from tests.cloud.console.tapping import Gates

MONDAY = "/v1/days?date=2026-03-02"


def correct(company: Company, registration: int, direction: str | None, *, second: bool) -> int:
    with company.engine.begin() as conn:
        who = viewer(conn, company.who["administrator"], company.ours)
        return correcting.correct(
            conn, who, Actor("console", who.account_id), registration,
            direction=direction, reason="He left", second=second,
        )  # fmt: skip


def spans(day: dict[str, Any]) -> list[tuple[str | None, str | None]]:
    """The clock times of pairs."""

    def clock(tap: dict[str, Any] | None) -> str | None:
        return None if tap is None else tap["at"][11:16]

    return [(clock(pair["start"]), clock(pair["end"])) for pair in day["pairs"]]


def test_pairs_with_what_is_to_know_of_them(company: Company, gates: Gates, ours: Client) -> None:
    first = gates.tap("07:00", received_ms=2**42)
    gates.tap("12:00", "break-start", corrected=True)
    gates.tap("12:30", "break-end", reason="clock-unsure")
    wrong = gates.tap("16:00", "in")
    gates.tap("08:00", "in", company.mine)
    gates.tap("09:00", "out", company.mine)
    entered = correct(company, wrong, "out", second=False)
    (day,) = ours.get(MONDAY).json()["items"]
    assert {name: day[name] for name in ("worker_id", "given_name", "family_name", "day")} == {
        "worker_id": company.worker,
        "given_name": "Ann",
        "family_name": "Maes",
        "day": "2026-03-02",
    }
    assert spans(day) == [
        ("07:00", "12:00"), ("08:00", "09:00"), ("12:00", "12:30"), ("12:30", "16:00")
    ]  # fmt: skip
    assert (day["work_s"], day["break_s"], day["incomplete"]) == (30_600, 1_800, False)
    work, mine, rest, after = day["pairs"]
    assert [pair["overlaps"] for pair in day["pairs"]] == [True, True, False, False]
    assert [pair["rest"] for pair in day["pairs"]] == [False, False, True, False]
    assert work["start"] == {
        "at": "2026-03-02T07:00:00.000+01:00",
        "direction": "in",
        "was": None,
        "site_id": company.quai,
        "site": "Quai",
        "registration": first,
        "correction": None,
        "late": True,
        "clock_corrected": False,
        "unsure": False,
    }
    assert (rest["start"]["clock_corrected"], rest["end"]["unsure"]) == (True, True)
    assert mine["start"]["site"] == "Mine"
    end = after["end"]
    assert (end["direction"], end["was"], end["correction"]) == ("out", "in", entered)


def test_what_is_missing_says_so(gates: Gates, ours: Client) -> None:
    gates.tap("07:00", "out")
    gates.tap("16:00", "in")
    (day,) = ours.get(MONDAY).json()["items"]
    assert spans(day) == [(None, "07:00"), ("16:00", None)]
    assert [pair["missing"] for pair in day["pairs"]] == ["start", "end"]
    assert (day["work_s"], day["incomplete"]) == (0, True)


def test_the_days_of_one_worker(company: Company, gates: Gates, ours: Client) -> None:
    gates.tap("07:00")
    void = gates.tap("07:01")
    waits = gates.tap("16:00", "in")
    gates.tap("2026-03-04T07:00")
    correct(company, void, None, second=False)
    proposed = correct(company, waits, "out", second=True)
    path = f"/v1/days/{company.worker}"
    found = ours.get(f"{path}?since=2026-03-02&until=2026-03-04").json()
    assert [day["day"] for day in found["days"]] == ["2026-03-02", "2026-03-04"]
    assert [tap["registration"] for tap in found["void"]] == [void]
    assert found["void"][0]["site"] == "Quai"
    assert found["proposed"] == [proposed]
    only = ours.get(f"{path}?since=2026-03-04&until=2026-03-04").json()
    assert [day["day"] for day in only["days"]] == ["2026-03-04"]
    assert company.trail()[-2:] == [("api:day:read", company.worker)] * 2


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("since=2026-03-02", "until"),
        ("since=2026-03-02&until=yesterday", "no day"),
        ("since=2026-03-02&until=1969-01-01", "no day"),
        ("since=2026-03-02&until=2026-03-01", "at most 92 days"),
        ("since=2026-03-02&until=2026-06-02", "at most 92 days"),
        ("since=2026-03-02&until=2026-03-02&site=1", "site"),
    ],
)
def test_a_period_that_cannot_be_meant(
    company: Company, gates: Gates, ours: Client, query: str, says: str
) -> None:
    gates.tap("07:00")
    refused = ours.get(f"/v1/days/{company.worker}?{query}")
    assert (refused.status_code, says in refused.json()["detail"]) == (422, True)
    longest = ours.get(f"/v1/days/{company.worker}?since=2026-03-02&until=2026-06-01")
    assert longest.status_code == 200


def test_pages_of_a_day_at_a_site(company: Company, gates: Gates, ours: Client) -> None:
    with company.engine.begin() as conn:
        names = ("Ann", "Bo", "Cis", "Dirk", "Els")
        more = [workers.put_worker(conn, company.ours, f"1{name}", name, "Zeef") for name in names]
    for number in more:
        gates.tap("07:00", worker_id=number)
        gates.tap("08:00", site=company.mine, worker_id=number)
    gates.tap("07:00", site=company.mine)
    for limit in (1, 2, 5, 500):
        found: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            follows = f"&cursor={cursor}" if cursor else ""
            page = ours.get(f"{MONDAY}&site={company.quai}&limit={limit}{follows}").json()
            assert len(page["items"]) <= limit
            found += [item["given_name"] for item in page["items"]]
            assert {str(spans(item)) for item in page["items"]} == {"[('07:00', None)]"}
            cursor = page["next"]
        assert found == list(names), limit


def test_a_worker_who_only_was_at_work_since_the_day_before_has_no_pair_of_that_day(
    company: Company, gates: Gates, ours: Client
) -> None:
    gates.tap("2026-03-01T22:00")
    gates.tap("06:00", "out")
    (day,) = ours.get(MONDAY).json()["items"]
    assert (day["day"], day["pairs"], day["incomplete"]) == ("2026-03-02", [], False)
    assert company.trail() == [("api:day:list", None)]


def test_each_company_is_shown_its_own(reader: Engine, company: Company, gates: Gates) -> None:
    gates.tap("07:00")
    gates.stranger("08:00", company.their_site)
    gates.stranger("09:00", company.quai)
    ours = program(reader, company.engine, company.ours)
    theirs = program(reader, company.engine, company.theirs)
    found = {
        name: [(item["worker_id"], spans(item)) for item in client.get(MONDAY).json()["items"]]
        for name, client in {"ours": ours, "theirs": theirs}.items()
    }
    # Who runs a site sees everyone on it, and an employer its own wherever they are.
    assert found["ours"] == [
        (company.their_worker, [("09:00", None)]), (company.worker, [("07:00", None)])
    ]  # fmt: skip
    assert found["theirs"] == [(company.their_worker, [("08:00", None), ("09:00", None)])]
    assert f"{CANARY} Kaai" not in ours.get(MONDAY).text


def test_a_cursor_tells_nothing_of_who_is_not_seen(
    company: Company, gates: Gates, ours: Client
) -> None:
    gates.tap("07:00")
    hidden = ours.get(f"{MONDAY}&cursor={company.their_worker}")
    absent = ours.get(f"{MONDAY}&cursor=987654")
    assert (hidden.status_code, hidden.json()) == (absent.status_code, absent.json())
    assert hidden.status_code == 404
