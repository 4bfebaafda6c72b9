"""Numbered snapshots: what is in the first, what in the next, for whom; and the files."""

import csv
import io
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, delete, insert, select, update

from cloud.audit.service import Actor
from cloud.cli import cloud
from cloud.companies.tables import sites
from cloud.custody.alarms import raise_alarm
from cloud.custody.saying import What
from cloud.custody.tables import alarms, epochs, records, waiting
from cloud.exports import completeness, queries, service, sheets, withdrawing
from cloud.languages.current import spoken
from cloud.registrations import correcting
from cloud.registrations.tables import registration_history, registrations
from cloud.terminals.service import assign
from cloud.terminals.tables import telemetry, terminals
from cloud.times import now_ms
from cloud.visibility.rules import Viewer, program, viewer
from tests.cloud.console.company import CANARY, Company
from tests.cloud.console.tapping import Gates
from tests.support.postgresql import waits_for_a_lock
from tests.support.waiting import wait_for

Rows = list[dict[str, Any]]


def seen_by(company: Company, name: str) -> Viewer:
    owner = company.theirs if name == "other" else company.ours
    with company.engine.connect() as conn:
        return viewer(conn, company.who[name], owner)


def make(company: Company, reader: Engine, name: str = "administrator") -> Rows:
    """The lines of the next snapshot but for what is said of terminals."""
    who = seen_by(company, name)
    made = service.make(reader, company.engine, who, Actor("console", company.who[name]))
    return [row for row in lines(reader, who, made) if row["line"] != "terminal not complete"]


def lines(reader: Engine, who: Viewer, export: int) -> Rows:
    with reader.connect() as conn:
        return list(queries.rows(conn, queries.one(conn, who, export)))


def told(rows: Rows) -> list[tuple[str, int | None]]:
    return [(row["line"], row["registration"]) for row in rows]


@pytest.mark.parametrize(
    "backend", [pytest.param("postgresql", marks=pytest.mark.integration)], indirect=True
)
def test_two_that_take_out_of_one_part_leave_out_both(
    company: Company, gates: Gates, reader: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has read the part when the other comes, and waits for it."""
    first, second = gates.tap("07:00"), gates.tap("08:00")
    make(company, reader)
    without, others = withdrawing._without, list[threading.Thread]()

    def take(number: int) -> None:
        with company.engine.begin() as conn:
            withdrawing._rewrite(conn, 1, 0, {"registration": {number: None}})

    def between(line: dict[str, Any], some: Any) -> dict[str, Any]:
        if not others:
            others.append(threading.Thread(target=take, args=(second,)))
            others[0].start()
            wait_for(lambda: waits_for_a_lock(company.engine), "the other one does not wait")
        return without(line, some)

    monkeypatch.setattr(withdrawing, "_without", between)
    take(first)
    others[0].join()
    left = lines(reader, seen_by(company, "administrator"), 1)
    assert [row for row in left if "worker" in row] == []


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Time goes on between two snapshots, and what is told once more is not."""
    now = [now_ms()]

    def later() -> int:
        now[0] += 1
        return now[0]

    monkeypatch.setattr(service, "_MARGIN_MS", 0)
    monkeypatch.setattr(service, "now_ms", later)
    monkeypatch.setattr(correcting, "now_ms", later)
    return later


def test_the_next_one_has_what_is_new_and_what_changed(
    company: Company, gates: Gates, reader: Engine, later: Callable[[], int]
) -> None:
    who = seen_by(company, "administrator")
    first, second = gates.tap("07:00"), gates.tap("16:00", "in")
    assert told(make(company, reader)) == [("new", first), ("new", second)]
    third = gates.tap("17:00", "out")
    with company.engine.begin() as conn:
        conn.execute(
            insert(registration_history).values(
                registration_id=first, version=1, company_id=company.ours,
                at_ms=later(), why="badge linked",
            )
        )  # fmt: skip
        correcting.correct(
            conn, who, Actor("console", who.account_id), second,
            direction="out", reason="He left", second=False,
        )  # fmt: skip
    delta = make(company, reader)
    assert told(delta) == [("changed", first), ("new", third), ("correction", second)]
    assert (delta[2]["why"], delta[2]["state"]) == ("He left", "approved")
    assert make(company, reader) == []
    with company.engine.begin() as conn:
        row = conn.execute(select(registrations).where(registrations.c.id == third)).one()
        conn.execute(
            insert(registration_history).values(
                registration_id=third, version=1, company_id=row.company_id,
                at_ms=later(), why="terminal moved",
            )
        )  # fmt: skip
        conn.execute(
            update(registrations)
            .where(registrations.c.id == third)
            .values(company_id=company.theirs, employer_id=company.theirs)
        )
    assert told(make(company, reader)) == [("gone", third)]


def test_a_snapshot_stays_as_it_was_made(company: Company, gates: Gates, reader: Engine) -> None:
    gates.tap("07:00")
    before = make(company, reader)
    with company.engine.begin() as conn:
        conn.execute(update(registrations).values(direction="out"))
        conn.execute(update(sites).where(sites.c.id == company.quai).values(name="Elsewhere"))
    who = seen_by(company, "administrator")
    assert lines(reader, who, 1)[: len(before)] == before
    assert before[0]["site"] == "Quai"


def test_each_takes_away_what_they_see(company: Company, gates: Gates, reader: Engine) -> None:
    quai, mine = gates.tap("07:00"), gates.tap("08:00", site=company.mine)
    theirs = gates.stranger("11:00", site=company.their_site)
    for number, (name, expected) in enumerate(
        {"administrator": [quai, mine], "manager": [mine], "viewer": [quai], "other": [theirs]}
        .items()
    ):  # fmt: skip
        rows = make(company, reader, name)
        assert [row["registration"] for row in rows] == expected, (number, name)
        assert (CANARY in json.dumps(rows)) == (name == "other")
    # A manager's snapshot is no beginning for an administrator's, nor the other way round.
    later = gates.tap("09:00", site=company.mine)
    assert told(make(company, reader, "auditor")) == [("new", later)]
    assert told(make(company, reader, "manager")) == [("new", later)]
    for name, numbers in {
        "administrator": [5, 4, 3, 2, 1], "manager": [5, 2], "viewer": [3], "external": [],
        "other": [1],
    }.items():  # fmt: skip
        with reader.connect() as conn:
            found = queries.listed(conn, seen_by(company, name))
        assert [row["number"] for row in found] == numbers, name


def test_terminals_that_are_not_complete_are_named(
    company: Company, gates: Gates, reader: Engine
) -> None:
    status = json.dumps({"telemetry": {"queue": 0}})
    with company.engine.begin() as conn:
        conn.execute(
            update(terminals).values(last_seen_ms=now_ms(), last_status=json.dumps(status))
        )
        for site, values in (
            (company.dock, {"last_seen_ms": 0}),
            (company.mine, {"last_status": '{"telemetry": {"queue": 7}}'}),
        ):
            of = terminals.c.id == gates.terminal(site)
            conn.execute(update(terminals).where(of).values(values))
    who = seen_by(company, "administrator")

    def named() -> dict[str, str]:
        make(company, reader)
        with reader.connect() as conn:
            found = queries.listed(conn, who)[0]
        said = {each["device"]: each["why"] for each in completeness.told(found["incomplete"], str)}
        rows = [row for row in lines(reader, who, found["id"]) if row["line"].startswith("term")]
        assert {row["device"]: row["why"] for row in rows} == said
        return said

    found = named()
    assert found.keys() == {gates.devices[company.dock], gates.devices[company.mine]}
    assert found[gates.devices[company.dock]].startswith("silent since 1970")
    why = found[gates.devices[company.mine]]
    assert why.startswith("records on the terminal not sent yet: 7")


def why(company: Company, reader: Engine, name: str = "administrator") -> dict[str, str]:
    """What the next snapshot says of terminals, by device number."""
    who = seen_by(company, name)
    made = service.make(reader, company.engine, who, Actor("console", company.who[name]))
    rows = lines(reader, who, made)
    return {row["device"]: row["why"] for row in rows if row["line"] == "terminal not complete"}


def is_told(company: Company, terminal: int, **values: Any) -> None:
    with company.engine.begin() as conn:
        conn.execute(update(terminals).where(terminals.c.id == terminal).values(**values))


def says(queue: int) -> str:
    return json.dumps({"telemetry": {"queue": queue}})


@pytest.mark.parametrize("status", ["inactive", "revoked", "banned"])
def test_a_terminal_put_out_of_use_with_taps_on_it_is_named(
    company: Company, gates: Gates, reader: Engine, status: str
) -> None:
    of = gates.terminal(company.dock)
    is_told(company, of, last_seen_ms=now_ms(), last_status=says(7), status=status)
    assert why(company, reader)[gates.devices[company.dock]].endswith("not sent yet: 7")


def test_a_terminal_moved_to_somebody_else_is_named_until_it_has_sent_everything(
    company: Company, gates: Gates, reader: Engine, later: Callable[[], int]
) -> None:
    of, device = gates.terminal(company.dock), gates.devices[company.dock]
    assert device in why(company, reader)
    moved_ms = later()
    with company.engine.begin() as conn:
        assign(conn, of, company.their_site, moved_ms)
    is_told(company, of, last_seen_ms=0, last_status=says(0))
    for name in ("administrator", "viewer"):
        assert why(company, reader, name)[device].startswith("silent since 1970"), name
    assert device not in why(company, reader, "manager"), "it never stood where the manager looks"
    # The next snapshot goes on from one that named it, and one of everything asks of all.
    later()
    assert device not in why(company, reader)


def test_of_a_terminal_that_is_with_somebody_else_no_count_is_told(
    company: Company, gates: Gates, reader: Engine
) -> None:
    of, device = gates.terminal(company.dock), gates.devices[company.dock]
    moved_ms = now_ms() - 7_200_000
    with company.engine.begin() as conn:
        assign(conn, of, company.their_site, moved_ms)
    who = seen_by(company, "administrator")

    def said() -> str | None:
        with reader.connect() as conn:
            kept = json.dumps(completeness.incomplete(conn, who, now_ms()))
        found = {each["device"]: each["why"] for each in completeness.told(kept)}
        return found.get(device)

    is_told(company, of, last_seen_ms=moved_ms + 1, last_status=says(7))
    assert said() == "moved elsewhere, and did not tell yet that it sent everything"
    with company.engine.begin() as conn:
        epoch = conn.execute(select(epochs.c.id).where(epochs.c.terminal_id == of)).scalar_one()
        for seq, received_ms in ((1, moved_ms - 1), (2, moved_ms)):
            conn.execute(
                insert(waiting).values(
                    epoch_id=epoch, seq=seq, reason="no-key", detail="", tried_ms=0
                )
            )
            conn.execute(
                insert(records).values(
                    epoch_id=epoch, seq=seq, body=b"", link=bytes(32), received_ms=received_ms
                )
            )
        raise_alarm(conn, of, What.GONE, first=3, last=4)
        conn.execute(insert(telemetry).values(terminal_id=of, at_ms=moved_ms - 1, queue=0))
    assert said() == (
        "moved elsewhere, and did not tell yet that it sent everything;"
        " records in custody not understood: 1"
    ), "neither what came later, nor the alarm raised with somebody else"
    with company.engine.begin() as conn:
        conn.execute(update(alarms).values(at_ms=moved_ms - 1))
        conn.execute(insert(telemetry).values(terminal_id=of, at_ms=moved_ms, queue=0))
    assert said() == "records missing from its chain; records in custody not understood: 1"
    with company.engine.begin() as conn:
        conn.execute(delete(waiting))
        conn.execute(update(alarms).values(cleared_ms=0))
    assert said() is None


def test_each_reads_in_their_own_language_why_a_terminal_was_not_complete() -> None:
    kept = json.dumps(
        [{"device": "1", "why": [["silent since %(when)s", {"when": "noon"}], ["none", {}]]}]
    )
    with spoken("nl"):
        assert completeness.told(kept) == [{"device": "1", "why": "zwijgt sinds noon; geen"}]
        assert completeness.told(kept, str) == [{"device": "1", "why": "silent since noon; none"}]
        assert completeness.told('[{"device": "1", "why": "as it was"}]') == [
            {"device": "1", "why": "as it was"}
        ]


def test_csv_opens_in_excel_and_runs_nothing() -> None:
    rows = [
        {"line": "new", "registration": 1, "worker": word, "version": -3}
        for word in ('=HYPERLINK("x")', "+1", "-1", "@x", "\tx", 'Élise; "de"', "plain")
    ]  # fmt: skip
    content = b"".join(sheets.as_csv(rows))
    assert content.startswith(b"\xef\xbb\xbfline;registration;")
    read = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert [row["worker"] for row in read] == [
        "'=HYPERLINK(\"x\")", "'+1", "'-1", "'@x", "'\tx", 'Élise; "de"', "plain"
    ]  # fmt: skip
    assert read[0]["version"] == "-3"


def test_xlsx_reads_back_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"line": "new", "registration": n, "worker": word}
        for n, word in enumerate(("=1+1", "http://x", "Élise"))
    ]
    monkeypatch.setattr(sheets, "_MOST_ROWS", 3)
    for given, count in ((rows, 2), ([], 1)):
        file = io.BytesIO()
        sheets.write_xlsx(given, file)
        book = openpyxl.load_workbook(file)
        assert len(book.worksheets) == count
        found = [row for sheet in book for row in sheet.iter_rows(min_row=2)]
        assert [(row[1].value, row[5].value) for row in found] == [
            (row["registration"], row["worker"]) for row in given
        ]
        assert all(cell.data_type != "f" for row in found for cell in row)


def test_on_the_console(company: Company, gates: Gates, reader: Engine) -> None:
    number = gates.tap("07:00")
    browser = company.browser(reader, "viewer")
    assert "No snapshot was made yet" in browser.get("/exports").text
    assert browser.post("/exports").status_code == 303
    assert "nothing was ever heard of it" in browser.get("/exports").text
    answer = browser.get("/exports/1/file?form=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert f"new;{number};" in answer.text
    book = openpyxl.load_workbook(io.BytesIO(browser.get("/exports/1/file?form=xlsx").content))
    assert book.worksheets[0]["B2"].value == number
    for name in ("manager", "external", "other"):
        assert company.browser(reader, name).get("/exports/1/file").status_code == 404, name
    assert company.browser(reader, None).get("/exports").status_code == 303
    assert company.trail() == [
        ("console:export:make", 1), *[("console:export:download", 1)] * 2
    ]  # fmt: skip


def test_by_command(
    company: Company, gates: Gates, engine: Engine, database_url: str, tmp_path: Path
) -> None:
    number = gates.tap("07:00")
    out = tmp_path / "registrations.csv"
    run = [
        "export", "--company", "Solvay", "--db", database_url, "--out", str(out), "--json",
        "--config", str(tmp_path / "none.toml"),
    ]  # fmt: skip
    first = CliRunner().invoke(cloud, run)
    assert first.exit_code == 0, first.output
    assert f"new;{number};" in out.read_text()
    assert out.stat().st_mode & 0o777 == 0o600
    content = out.read_bytes()
    out.unlink()
    again = CliRunner().invoke(cloud, [*run, "--number", "1"])
    assert (again.exit_code, out.read_bytes()) == (0, content)
    unknown = CliRunner().invoke(cloud, [*run, "--number", "9"])
    assert (unknown.exit_code, "no snapshot 9" in unknown.output) == (2, True)
    elsewhere = [*run, "--out", str(tmp_path / "no" / "x.csv"), "--number", "1"]
    assert CliRunner().invoke(cloud, elsewhere).exit_code == 2
    with engine.connect() as conn:
        assert [row["number"] for row in queries.listed(conn, program(company.ours))] == [1]
