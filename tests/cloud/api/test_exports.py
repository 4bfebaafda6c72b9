"""Snapshots over the API: asked for once, listed, and taken away by who may."""

import csv
import io
import threading
from typing import Any

import httpx
import openpyxl  # type: ignore[import-untyped]
import pytest
from sqlalchemy import Engine, func, select

from cloud.accounts.scopes import Scope
from cloud.api.tables import idempotency_keys
from cloud.exports import service
from cloud.exports.tables import exports
from cloud.times import now_ms
from tests.cloud.api.conftest import program
from tests.cloud.client import Client
from tests.cloud.console.company import Company
from tests.cloud.console.tapping import Gates


@pytest.fixture(autouse=True)
def _told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time goes on between two snapshots, and what is told once more is not."""
    now = [now_ms()]

    def later() -> int:
        now[0] += 1
        return now[0]

    monkeypatch.setattr(service, "_MARGIN_MS", 0)
    monkeypatch.setattr(service, "now_ms", later)


def make(client: Client, key: str | None = None, **body: Any) -> httpx.Response:
    headers = {} if key is None else {"idempotency-key": key}
    return client.request("POST", "/v1/exports", json=body, headers=headers)


def lines(client: Client, export: int) -> list[tuple[str, str]]:
    """The lines of a snapshot that are registrations."""
    content = client.get(f"/v1/exports/{export}/file").content.decode("utf-8-sig")
    rows = csv.DictReader(io.StringIO(content, newline=""), delimiter=";")
    return [(row["line"], row["registration"]) for row in rows if row["registration"]]


def test_a_snapshot_then_what_came_since_then_everything_anew(
    company: Company, gates: Gates, ours: Client
) -> None:
    first = gates.tap("07:00")
    made = make(ours)
    assert made.status_code == 201, made.text
    assert made.json() == ours.get(made.headers["location"]).json()
    second = gates.tap("16:00", "out")
    delta, whole = make(ours).json(), make(ours, whole=True).json()
    after = make(ours).json()
    assert [(each["number"], each["since"]) for each in (delta, whole, after)] == [
        (2, 1), (3, None), (4, 3)
    ]  # fmt: skip
    assert lines(ours, made.json()["id"]) == [("new", str(first))]
    assert lines(ours, delta["id"]) == [("new", str(second))]
    assert lines(ours, whole["id"]) == [("new", str(first)), ("new", str(second))]
    assert (lines(ours, after["id"]), after["rows"]) == ([], 0)
    found, cursor = [], ""
    while True:
        page = ours.get(f"/v1/exports?limit=3{cursor}").json()
        found += [each["number"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == [4, 3, 2, 1]


def test_it_names_the_terminals_that_were_not_complete(
    company: Company, gates: Gates, ours: Client
) -> None:
    found = make(ours).json()["incomplete"]
    ours_s = {gates.devices[site] for site in (company.quai, company.dock, company.mine)}
    assert {each["device"] for each in found} == ours_s
    assert {each["why"] for each in found} == {"nothing was ever heard of it"}


def test_both_files(gates: Gates, ours: Client) -> None:
    number = gates.tap("07:00")
    path = make(ours).headers["location"] + "/file"
    plain = ours.get(path)
    assert plain.headers["content-type"] == "text/csv; charset=utf-8"
    assert plain.headers["content-disposition"] == 'attachment; filename="pointeuse-1.csv"'
    sheet = ours.get(f"{path}?format=xlsx")
    assert "spreadsheetml" in sheet.headers["content-type"]
    assert openpyxl.load_workbook(io.BytesIO(sheet.content)).worksheets[0]["B2"].value == number
    assert ours.get(f"{path}?format=pdf").status_code == 422


def test_under_one_key_one_is_made(company: Company, gates: Gates, ours: Client) -> None:
    gates.tap("07:00")
    first, again = make(ours, "k1"), make(ours, "k1")
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert first.headers["location"] == again.headers["location"]
    assert make(ours, "k1", whole=True).status_code == 422
    with company.engine.connect() as conn:
        assert conn.execute(select(func.count()).select_from(exports)).scalar() == 1


def test_what_was_cut_short_is_no_answer(
    company: Company, gates: Gates, ours: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates.tap("07:00")

    def fails(*_: Any, **__: Any) -> None:
        raise OSError("the machine fell over")

    with monkeypatch.context() as broken:
        broken.setattr(service, "note", fails)
        assert make(ours, "k1").status_code == 500
    with company.engine.connect() as conn:
        assert conn.execute(select(func.count()).select_from(idempotency_keys)).scalar() == 0
    assert ours.get("/v1/exports").json()["items"] == []
    assert make(ours, "k1").status_code == 201


def test_two_at_once_make_one(
    company: Company, gates: Gates, ours: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, go_on = threading.Event(), threading.Event()
    make_one = service.make

    def held(*given: Any, **options: Any) -> int:
        inside.set()
        assert go_on.wait(30)
        return make_one(*given, **options)

    monkeypatch.setattr(service, "make", held)
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(make(ours, "k1")))
    thread.start()
    try:
        assert inside.wait(30)
        second = make(ours, "k1")
    finally:
        go_on.set()
        thread.join()
    assert (second.status_code, second.headers["retry-after"]) == (409, "1")
    assert (answers[0].status_code, make(ours, "k1").json()) == (201, answers[0].json())


def test_another_process_that_came_first_makes_this_one_wait(
    company: Company, gates: Gates, ours: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_one = service.make

    def second(*given: Any, **options: Any) -> int:
        with company.engine.begin() as conn:
            conn.execute(
                idempotency_keys.insert().values(
                    token_id=1, key="k1", request=b"", status=201, answer="{}", headers="{}",
                    at_ms=now_ms(),
                )
            )  # fmt: skip
        return make_one(*given, **options)

    monkeypatch.setattr(service, "make", second)
    assert make(ours, "k1").status_code == 409
    assert ours.get("/v1/exports").json()["items"] == []


def test_each_scope_by_itself(reader: Engine, company: Company, gates: Gates) -> None:
    reads = program(reader, company.engine, company.ours, may=frozenset({Scope.EXPORTS_READ}))
    makes = program(reader, company.engine, company.ours, may=frozenset({Scope.EXPORTS_WRITE}))
    theirs = program(reader, company.engine, company.theirs)
    assert (make(reads).status_code, make(makes).status_code) == (403, 201)
    assert (makes.get("/v1/exports").status_code, reads.get("/v1/exports").status_code) == (
        403,
        200,
    )
    assert theirs.get("/v1/exports").json()["items"] == []
    for path in ("/v1/exports/1", "/v1/exports/1/file"):
        assert (reads.get(path).status_code, theirs.get(path).status_code) == (200, 404)
    assert company.trail() == [("api:export:make", 1), ("api:export:download", 1)]
