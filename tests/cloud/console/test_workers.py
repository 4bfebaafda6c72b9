"""Workers on the console: lists, search, entering, changing, INSS and badges."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select

from cloud.audit.tables import audit
from cloud.console.workers import ROWS
from cloud.registrations.tables import reattribution
from cloud.times import parse
from cloud.workers import service
from cloud.workers.tables import badges, workers
from cloud.workers.vault import Vault
from tests.cloud.client import Client
from tests.cloud.console.company import CANARY, Company, hidden

INSS = "17.07.30-033.84"
DIGITS = "17073003384"
MASKED = "••.••.••-033.••"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    return tmp_path


@pytest.fixture
def manager(company: Company, reader: Engine, directory: Path) -> Client:
    """Granted one site only: workers are the whole company's."""
    return company.browser(reader, "manager", directory=directory)


def tags(company: Company) -> list[str]:
    return [tag.removeprefix("console:") for tag, _ in company.trail()]


def test_members_see_the_lists_and_externals_do_not(company: Company, reader: Engine) -> None:
    for name in ("administrator", "auditor", "manager", "viewer"):
        browser = company.browser(reader, name)
        page = browser.get("/workers")
        assert "Maes" in page.text
        assert CANARY not in page.text
        assert "Maes" not in browser.get("/workers?standing=inactive").text
        one = browser.get(f"/workers/{company.worker}").text
        assert "…6789" in one
        assert "123456789" not in one
        assert ("Link a badge" in one) == (name in ("administrator", "manager"))
    assert tags(company) == ["worker:list", "worker:list", "worker:read"] * 4
    external = company.browser(reader, "external")
    for path in ("/workers", "/workers/new", f"/workers/{company.worker}"):
        assert external.get(path).status_code == 403
    assert len(company.trail()) == 12


@pytest.mark.parametrize("name", ["auditor", "viewer", "external"])
def test_only_administrators_and_managers_change_workers(
    company: Company, reader: Engine, name: str
) -> None:
    browser, path = company.browser(reader, name), f"/workers/{company.worker}"
    form = {"number": "8", "given_name": "Bob", "family_name": "Thys", "active": "no"}
    for sent in (
        "/workers/new", path, f"{path}/active", f"{path}/badges",
        f"{path}/badges/{company.badge}", f"{path}/badges/{company.badge}/unlink",
    ):  # fmt: skip
        assert browser.post(sent, **form).status_code == 403
    assert company.trail() == []


def test_a_worker_is_entered_changed_and_found_by_inss(
    company: Company, manager: Client, engine: Engine, directory: Path
) -> None:
    made = manager.post(
        "/workers/new", number="8", given_name=" Bob ", family_name="Thys", inss_number=INSS
    )
    path = made.headers["location"]
    page = manager.get(path)
    assert MASKED in page.text
    with engine.connect() as conn:
        row = conn.execute(select(workers).where(workers.c.number == "8")).one()
    vault = Vault.open(directory)
    assert (row.given_name, row.active) == ("Bob", True)
    assert (vault.unseal(row.inss_sealed), row.inss_mark) == (DIGITS, vault.mark(DIGITS))
    # Left empty, the INSS stays; another number and name replace what there was.
    form = {"number": "80", "given_name": "Robert", "family_name": "Thys", "was": hidden(page.text)}
    assert manager.post(path, **form).status_code == 303
    with engine.connect() as conn:
        now = conn.execute(select(workers).where(workers.c.id == row.id)).one()
        detail = json.loads(
            conn.execute(select(audit.c.detail).where(audit.c.tag.like("%:change"))).scalar_one()
        )
    assert (now.number, now.given_name, now.inss_mark) == ("80", "Robert", row.inss_mark)
    assert detail == {"changed": ["given_name", "number"]}
    assert manager.post("/workers/find", number=DIGITS).headers["location"] == path
    unknown = manager.post("/workers/find", number="85.07.30-033.28")
    assert (unknown.status_code, "No worker of the company has this INSS" in unknown.text) == (
        422, True,
    )  # fmt: skip
    for answer in (unknown, manager.get("/workers"), manager.get(path)):
        assert DIGITS not in answer.text.replace(".", "").replace("-", "")
    with engine.connect() as conn:
        told = " ".join(conn.execute(select(audit.c.detail)).scalars())
    for word in (DIGITS, INSS, "Bob", "Robert", "Thys"):
        assert word not in told


WRONG: list[tuple[str, str, str]] = [
    ("number", "", "empty"),
    ("number", "7", "Another worker of the company has the number 7"),
    ("given_name", "\x07", "U+0007"),
    ("family_name", "x" * 300, "300 characters"),
    ("inss_number", "85.07.30-033.29", "the INSS is not valid"),
    ("inss_number", "123", "the INSS is 11 digits"),
]


def test_what_cannot_be_stands_at_its_field(company: Company, manager: Client) -> None:
    for field, value, sentence in WRONG:
        typed = {"number": "8", "given_name": "Bob", "family_name": "Thys", field: value}
        answer = manager.post("/workers/new", **typed)
        assert answer.status_code == 422
        assert sentence in answer.text.split(f'id="{field}-problem"', 1)[1].split("</p>", 1)[0]
        changed = manager.post(f"/workers/{company.worker}", **typed)
        if (field, value) != ("number", "7"):
            assert changed.status_code == 422
            assert sentence in changed.text
        assert "worker:create" not in tags(company)


def test_one_person_is_entered_once(company: Company, manager: Client) -> None:
    form = {"given_name": "Bob", "family_name": "Thys", "inss_number": INSS}
    assert manager.post("/workers/new", number="8", **form).status_code == 303
    again = manager.post("/workers/new", number="9", **form)
    assert (again.status_code, "Worker 8 has this INSS already" in again.text) == (422, True)
    other = manager.post(f"/workers/{company.worker}", number="7", **form)
    assert (other.status_code, "Worker 8 has this INSS already" in other.text) == (422, True)


def test_without_the_key_no_inss_is_taken(company: Company, reader: Engine) -> None:
    browser = company.browser(reader, "manager")
    form = {"number": "8", "given_name": "Bob", "family_name": "Thys"}
    refused = browser.post("/workers/new", **form, inss_number=INSS)
    assert (refused.status_code, "has no key" in refused.text) == (422, True)
    assert browser.post("/workers/new", **form).status_code == 303


def test_of_two_the_second_is_told_what_changed(
    company: Company, reader: Engine, manager: Client, engine: Engine
) -> None:
    second = company.browser(reader, "administrator")
    path = f"/workers/{company.worker}"
    opened = hidden(second.get(path).text)
    form = {"number": "7", "given_name": "Anna", "family_name": "Maes"}
    assert manager.post(path, **form, inss_number=INSS, was=opened).status_code == 303
    form["given_name"] = "Anne"
    late = second.post(path, **form, was=opened)
    assert late.status_code == 409
    assert "Given name was “Ann” and is “Anna” now." in late.text
    assert "INSS was “not entered” and is “entered” now." in late.text
    assert 'value="Anne"' in late.text
    assert second.post(path, **form, was=hidden(late.text)).status_code == 303
    with engine.connect() as conn:
        row = conn.execute(select(workers).where(workers.c.id == company.worker)).one()
    assert (row.given_name, row.inss_mark is None) == ("Anne", False)


def test_active_and_inactive(company: Company, manager: Client, engine: Engine) -> None:
    path = f"/workers/{company.worker}"
    for word, action in (("no", "deactivate"), ("yes", "activate")):
        assert manager.post(f"{path}/active", active=word).status_code == 303
        assert manager.post(f"{path}/active", active=word).status_code == 303
        shown = "Maes" in manager.get("/workers?standing=inactive").text
        assert shown == (word == "no")
        assert tags(company).count(f"worker:{action}") == 1
    with engine.connect() as conn:
        why = conn.execute(select(reattribution.c.why).order_by(reattribution.c.id)).scalars().all()
    assert why == [
        "the badge was linked to a worker",
        "the badge was linked to a worker",
        "the worker became inactive",
        "the worker became active",
    ]


SEARCHES: list[tuple[str, set[str]]] = [
    ("maes", {"7"}),
    ("ann maes", {"7"}),
    ("MAES ann", {"7"}),
    ("élo", {"11"}),
    ("ÉLODIE", {"11"}),
    ("100%", {"12"}),
    ("_", set()),
    ("janssens", set()),
    ("12", {"12"}),
]


def test_search(company: Company, manager: Client) -> None:
    with company.engine.begin() as conn:
        service.put_worker(conn, company.ours, "11", "Élodie", "Dubois")
        service.put_worker(conn, company.ours, "12", "Percy", "100%")
    for words, found in SEARCHES:
        page = manager.get("/workers", params={"q": words}).text
        assert {number for number in ("7", "11", "12") if f'"device">{number}<' in page} == found, (
            words
        )


def test_pages_hold_everybody_once(company: Company, manager: Client, engine: Engine) -> None:
    count = 2 * ROWS + 3
    with engine.begin() as conn:
        # Many have the same name: the page has to go on in the midst of them.
        rows = [
            {
                "company_id": company.ours,
                "number": f"N{number:03}",
                "given_name": f"G{number % 3}",
                "family_name": f"F{number % 2}",
            }
            for number in range(count)
        ]
        conn.execute(insert(workers), rows)
    seen: list[str] = []
    path = "/workers?q=N"
    while path:
        page = manager.get(path).text
        seen += [part.split("<", 1)[0] for part in page.split('class="device">')[1:]]
        path = ""
        if 'rel="next" href="' in page:
            path = page.split('rel="next" href="', 1)[1].split('"', 1)[0].replace("&amp;", "&")
    mine = [number for number in seen if number.startswith("N")]
    assert sorted(mine) == [row["number"] for row in rows]
    with engine.connect() as conn:
        names = dict(conn.execute(select(workers.c.number, workers.c.family_name)).all())
    assert [names[number] for number in mine] == sorted(names[number] for number in mine)
    assert manager.get("/workers?after=999999").status_code == 404
    assert manager.get(f"/workers?after={company.their_worker}").status_code == 404


def test_badges_over_time(company: Company, manager: Client, engine: Engine) -> None:
    path = f"/workers/{company.worker}"
    form = {"profile": "uid", "badge_number": "04:a1 b2c3", "first_day": "2026-03-01"}
    assert manager.post(f"{path}/badges", **form).status_code == 303
    with engine.connect() as conn:
        row = conn.execute(select(badges).where(badges.c.profile == "uid")).one()
    assert (row.number, row.worker_id) == ("04A1B2C3", company.worker)
    assert (row.valid_from_ms, row.valid_until_ms) == (parse("2026-03-01"), None)
    # Lost on the day the clocks change: the last day is whole, all 23 hours of it.
    form = {"first_day": "2026-03-01", "last_day": "2026-03-29"}
    assert manager.post(f"{path}/badges/{row.id}", **form).status_code == 303
    with engine.connect() as conn:
        row = conn.execute(select(badges).where(badges.c.profile == "uid")).one()
    assert row.valid_until_ms == parse("2026-03-30T00:00:00+02:00")
    page = manager.get(path).text
    assert 'value="2026-03-29"' in page
    wrong = manager.post(f"{path}/badges/{row.id}", first_day="2026-04-01", last_day="2026-03-29")
    assert (wrong.status_code, "before the first" in wrong.text) == (422, True)
    wrong = manager.post(f"{path}/badges/{row.id}", first_day="1 March")
    assert (wrong.status_code, "is no day" in wrong.text) == (422, True)
    assert manager.post(f"{path}/badges/{row.id}/unlink").status_code == 303
    assert manager.post(f"{path}/badges/{row.id}/unlink").status_code == 404
    with engine.connect() as conn:
        row = conn.execute(select(badges).where(badges.c.profile == "uid")).one()
        why = conn.execute(
            select(reattribution.c.why)
            .where(reattribution.c.badge_id == row.id)
            .order_by(reattribution.c.id)
        ).scalars().all()  # fmt: skip
    assert (row.worker_id, row.valid_from_ms, row.valid_until_ms) == (None, None, None)
    assert why == [
        "the badge was linked to a worker",
        "the badge's dates changed",
        "the badge's dates changed",
        "the badge was unlinked",
        "the badge's dates changed",
    ]
    assert [tag for tag in tags(company) if tag.startswith("badge:")] == [
        "badge:link", "badge:change", "badge:unlink",
    ]  # fmt: skip


def test_nobody_takes_a_badge_of_others(company: Company, manager: Client, engine: Engine) -> None:
    with engine.begin() as conn:
        bob = service.put_worker(conn, company.ours, "8", "Bob", "Thys")
        foreign = service.put_badge(conn, "printed", "55555", employer="BE0999910642")
        unclear = service.put_badge(conn, "printed", "66666")
        conn.execute(badges.update().where(badges.c.id == unclear).values(employer_vat="?12"))
        own = service.put_badge(conn, "printed", "77777", employer="BE0403019261")
    path = f"/workers/{bob}/badges"
    for number, sentence in (
        ("987654321", "linked to somebody already"),
        ("123456789", "linked to worker 7"),
        ("55555", "works for another company"),
        ("é", "is not a badge number"),
    ):
        answer = manager.post(path, badge_number=number)
        assert answer.status_code == 422
        assert sentence in answer.text
        assert CANARY not in answer.text
    assert manager.post(path, profile="desfire", badge_number="1").status_code == 422
    for number in ("66666", "77777"):
        assert manager.post(path, badge_number=number).status_code == 303
    with engine.connect() as conn:
        found = dict(conn.execute(select(badges.c.id, badges.c.worker_id)).all())
    assert found == {
        company.badge: company.worker, company.their_badge: company.their_worker,
        foreign: None, unclear: bob, own: bob,
    }  # fmt: skip


def test_what_is_not_the_company_s_does_not_exist(
    company: Company, manager: Client, engine: Engine
) -> None:
    form = {"number": "8", "given_name": "Ours", "family_name": "Now", "active": "no"}
    for worker in (company.their_worker, 999_999):
        path = f"/workers/{worker}"
        assert manager.get(path).status_code == 404
        for sent in (path, f"{path}/active", f"{path}/badges"):
            assert manager.post(sent, **form, badge_number="42").status_code == 404
        for badge in (company.their_badge, company.badge):
            assert manager.post(f"{path}/badges/{badge}").status_code == 404
            assert manager.post(f"{path}/badges/{badge}/unlink").status_code == 404
    mine = f"/workers/{company.worker}/badges/{company.their_badge}"
    assert manager.post(mine).status_code == manager.post(f"{mine}/unlink").status_code == 404
    with engine.connect() as conn:
        assert conn.execute(select(func.count()).select_from(badges)).scalar() == 2
    assert company.trail() == []
