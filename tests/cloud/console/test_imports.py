"""A list of workers on the console: shown row by row, then entered whole or not at all."""

import asyncio
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, func, select

from cloud.console.imports import ROWS
from cloud.console.pending import LIFE_S, MOST_BYTES, Pending
from cloud.workers import service
from cloud.workers.sheets import MAX_BYTES
from cloud.workers.tables import workers
from tests.cloud.client import Client
from tests.cloud.console.company import CANARY, Company, hidden
from tests.cloud.console.sending import GIGABYTE, send_on

HEADER = "numéro;prénom;nom;niss;badge;actif\n"
LIST = HEADER + "7;Anne;Maes;;;\n8;Bob;Thys;85.07.30-033.28;55555;\n9;Cé;D'hondt;;;non\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    return tmp_path


@pytest.fixture
def manager(company: Company, reader: Engine, directory: Path) -> Client:
    return company.browser(reader, "manager", directory=directory)


def send(browser: Client, content: bytes | str) -> httpx.Response:
    content = content.encode() if isinstance(content, str) else content
    return browser.request(
        "POST",
        "/workers/import",
        files={"file": ("list.csv", content, "text/csv")},
        headers={"origin": "http://localhost"},
    )


def numbers(company: Company) -> dict[str, tuple[str, bool]]:
    with company.engine.connect() as conn:
        rows = conn.execute(select(workers).where(workers.c.company_id == company.ours))
        return {row.number: (row.given_name, row.active) for row in rows}


def test_every_row_s_fate_is_shown_and_then_all_is_entered(
    company: Company, manager: Client
) -> None:
    before = numbers(company)
    # As Excel saves it: Windows-1252.
    sent = send(manager, LIST.encode("cp1252"))
    assert (sent.status_code, sent.headers["location"]) == (303, "/workers/import")
    page = manager.get("/workers/import").text
    for words in ("changes: given name", "worker 8 is new", "worker 9 is new", "D&#39;hondt"):
        assert words in page
    assert "033.28" not in page
    assert numbers(company) == before
    answer = manager.post("/workers/import/confirm", fingerprint=hidden(page, "fingerprint"))
    assert answer.headers["location"] == "/workers/import?created=2&changed=1"
    assert numbers(company) == {"7": ("Anne", True), "8": ("Bob", True), "9": ("Cé", False)}
    done = manager.get(answer.headers["location"]).text
    assert "2 workers were created. 1 was changed." in done
    assert "Choose a list" in done
    assert [tag for tag, _ in company.trail()] == [
        "console:worker:preview",
        "console:worker:import",
    ]
    again = manager.post("/workers/import/confirm", fingerprint=hidden(page, "fingerprint"))
    assert (again.status_code, "Send it again" in again.text) == (422, True)


def test_one_refused_row_and_nothing_can_be_entered(company: Company, manager: Client) -> None:
    before = numbers(company)
    send(manager, LIST + "10;Eve;;;;\n11;Max;Mus;;987654321;\n")
    page = manager.get("/workers/import").text
    assert "2 rows are refused" in page
    assert "the family name is empty" in page
    assert "linked to somebody already" in page
    assert CANARY not in page
    assert "Enter all of it" not in page
    only = manager.get("/workers/import?fate=refuse").text
    assert (only.count('class="fate refuse"'), "worker 8 is new" in only) == (2, False)
    forced = manager.post("/workers/import/confirm", fingerprint="0" * 64)
    assert forced.status_code == 422
    assert numbers(company) == before


def test_what_changed_since_it_was_shown_is_shown_again(company: Company, manager: Client) -> None:
    send(manager, LIST)
    fingerprint = hidden(manager.get("/workers/import").text, "fingerprint")
    with company.engine.begin() as conn:
        service.put_worker(conn, company.ours, "8", "Somebody", "Else")
    before = numbers(company)
    late = manager.post("/workers/import/confirm", fingerprint=fingerprint)
    assert late.status_code == 422
    assert "Workers were changed since this was shown" in late.text
    assert "changes: given name, family name, INSS, badge" in late.text
    assert numbers(company) == before
    again = manager.post("/workers/import/confirm", fingerprint=hidden(late.text, "fingerprint"))
    assert again.headers["location"] == "/workers/import?created=1&changed=2"


NO_LISTS: list[tuple[bytes, str]] = [
    (b"", "No file was sent"),
    (b"\n \n", "the file is empty"),
    (b"PK\x03\x04spreadsheet", "is a spreadsheet; save it as CSV"),
    (b"name;first name\nMaes;Ann\n", "no column is named number"),
    (b"number;number;given name;family name\n", "two columns mean number"),
    (b"number;given name;family name\n7;Ann\x81;Maes\n", "looks like CP850"),
    (b"\xff\xfeb\x00\xff", "is no text in utf-16"),
    (
        b'number;given name;family name\n7;"Ann;Maes\n',
        "line 2: a quote is opened before or on this line and never closed",
    ),
    (HEADER.encode() + b"x" * MAX_BYTES, "The file is longer than 8 MiB"),
]


def test_what_is_no_list_is_told_at_the_field(company: Company, manager: Client) -> None:
    for content, sentence in NO_LISTS:
        answer = send(manager, content) if content else manager.post("/workers/import")
        assert answer.status_code == 422
        said = answer.text.split('id="file-problem"', 1)[1].split("</p>", 1)[0]
        assert sentence in said
        assert "Choose a list" in manager.get("/workers/import").text


def test_a_gigabyte_is_told_so_and_kept_nowhere(company: Company, manager: Client) -> None:
    head = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="l.csv"\r\n'
        b"Content-Type: text/csv\r\n\r\nnumber;given name;family name\n"
    )
    answer, read = send_on(manager, "/workers/import", head, kind="multipart/form-data; boundary=b")
    assert answer.status_code == 422
    assert "The file is longer than 8 MiB" in answer.text
    assert read >= GIGABYTE
    assert "Choose a list" in manager.get("/workers/import").text


@pytest.mark.parametrize("name", [None, "auditor", "viewer", "external", "operator", "none"])
def test_nobody_else_imports(company: Company, reader: Engine, name: str | None) -> None:
    browser = company.browser(reader, name)
    expected = {None: 303, "operator": 404, "none": 404}.get(name, 403)
    assert send(browser, LIST).status_code == expected
    assert browser.get("/workers/import").status_code == expected
    for path in ("/workers/import/confirm", "/workers/import/discard"):
        assert browser.post(path).status_code == expected


def test_a_file_is_seen_by_nobody_but_who_sent_it(
    company: Company, reader: Engine, directory: Path, manager: Client
) -> None:
    send(manager, LIST)
    assert "worker 8 is new" in manager.get("/workers/import").text
    # Another session, of somebody who may import as well.
    other = company.browser(reader, "administrator", directory=directory)
    assert "Choose a list" in other.get("/workers/import").text
    assert manager.post("/workers/import/discard").status_code == 303
    assert "Choose a list" in manager.get("/workers/import").text


def test_a_long_list_has_pages(company: Company, manager: Client) -> None:
    count = ROWS + 5
    lines = "".join(f"N{number};Ann;Maes;;;\n" for number in range(count))
    assert send(manager, HEADER + lines).status_code == 303
    first = manager.get("/workers/import").text
    assert first.count('class="fate create"') == ROWS
    following = first.split('rel="next" href="', 1)[1].split('"', 1)[0]
    assert manager.get(following).text.count('class="fate create"') == 5
    fingerprint = hidden(first, "fingerprint")
    assert manager.post("/workers/import/confirm", fingerprint=fingerprint).status_code == 303
    with company.engine.connect() as conn:
        assert conn.execute(select(func.count()).select_from(workers)).scalar() == count + 2


def test_what_waits_is_forgotten_in_time() -> None:
    now = 0.0
    pending = Pending(lambda: now)

    async def fill() -> None:
        pending.put((1, 1), b"first")
        pending.put((2, 1), b"second")
        pending.put((1, 1), b"third")

    asyncio.run(fill())
    assert pending.get((1, 1)) == b"third"
    assert pending.get((1, 2)) is None
    now = LIFE_S - 1
    assert pending.get((2, 1)) == b"second"
    pending.drop((2, 1))
    assert pending.get((2, 1)) is None
    now = LIFE_S
    assert pending.get((1, 1)) is None
    assert not pending._waiting


def test_what_waits_together_is_bounded() -> None:
    pending = Pending()

    async def fill() -> None:
        for number in range(10):
            pending.put((number, 1), bytes(MAX_BYTES))

    asyncio.run(fill())
    kept = [number for number in range(10) if pending.get((number, 1)) is not None]
    assert kept == list(range(10 - MOST_BYTES // MAX_BYTES, 10))
