"""The list of registrations, its filters, and one registration with its proof."""

import re
from pathlib import Path

from sqlalchemy import Engine, select

from cloud.accounts import sessions
from cloud.api.app import create_app
from cloud.audit.tables import audit
from cloud.console.registrations import ROWS
from cloud.console.visits import COOKIE
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.interpretation.interpreter import Interpreter
from cloud.registrations.tables import registrations
from cloud.terminals import service as terminals
from cloud.workers import service as workers
from protocol.disclosure import Disclosure
from protocol.keyfiles import save_private_key
from tests.cloud.client import Client
from tests.cloud.console.company import CANARY, Company
from tests.cloud.console.tapping import Gates
from tests.cloud.terminal import FakeTerminal


def listed(client: Client, query: str = "") -> list[int]:
    """The ids on a page of the list."""
    answer = client.get(f"/registrations?{query}")
    assert answer.status_code == 200, answer.text
    return [int(found) for found in re.findall(r'href="/registrations/(\d+)"', answer.text)]


def test_each_sees_what_the_rules_give(company: Company, gates: Gates, reader: Engine) -> None:
    quai, mine = gates.tap("07:00"), gates.tap("08:00", site=company.mine)
    abroad = gates.tap("09:00", site=company.their_site)
    guest = gates.stranger("10:00")
    theirs = gates.stranger("11:00", site=company.their_site)
    seen = {
        "administrator": [guest, abroad, mine, quai],
        "auditor": [guest, abroad, mine, quai],
        "manager": [mine],
        "viewer": [guest, quai],
        "external": [guest, quai],
        "other": [theirs, guest, abroad],
        "operator": [theirs, guest, abroad, mine, quai],
    }
    for name, expected in seen.items():
        browser = company.browser(reader, name)
        assert listed(browser) == expected, name
        for number in (quai, mine, abroad, guest, theirs):
            status = 200 if number in expected else 404
            assert browser.get(f"/registrations/{number}").status_code == status, name
            sent = browser.post(f"/registrations/{number}/disclosure").status_code
            if number not in expected:
                assert sent == 404, name
            elif name in ("manager", "viewer", "external"):
                assert sent == 403, name
    assert company.browser(reader, None).get("/registrations").status_code == 303
    assert company.browser(reader, "none").get("/registrations").status_code == 404


def test_filters_narrow(company: Company, gates: Gates, administrator: Client) -> None:
    first = gates.tap("07:00")
    out = gates.tap("17:00", "out", flags=8)
    mine = gates.tap("2026-03-03T07:00:00+01:00", site=company.mine, corrected=True)
    guest = gates.stranger("10:00", site=company.dock, reason="badge-expired disputed")
    device = gates.devices[company.mine]
    for query, expected in {
        "since=2026-03-03": [mine],
        "until=2026-03-02": [guest, out, first],
        "since=2026-03-02&until=2026-03-02&direction=out": [out],
        f"division={company.sud}": [mine],
        f"site={company.dock}": [guest],
        f"terminal={device}": [mine],
        f"terminal={device[:5].lower()}-{device[5:10]}-{device[10:]}": [mine],
        f"terminal=gate%20{company.dock}": [guest],
        "worker=maes+ANN": [mine, out, first],
        "worker=nobody": [],
        f"employer={CANARY.upper()}": [guest],
        "employer=BE0403.019.261": [mine, out, first],
        "employer=%25": [],
        "direction=out": [out],
        "remark=BLOCKED": [out],
        "remark=EXPIRED": [],
        "remark=corrected": [mine],
        "remark=disputed": [guest],
        "remark=badge-unlinked": [],
        "remark=any": [guest, mine, out],
        "site=x": [],
    }.items():
        assert listed(administrator, query) == expected, query


def test_late_ones_are_found(gates: Gates, administrator: Client) -> None:
    gates.tap("07:00")
    late = gates.tap("07:30", received_ms=2_000_000_000_000)
    assert listed(administrator, "remark=late") == [late]


def test_what_cannot_be_meant_stands_at_its_field(administrator: Client) -> None:
    answer = administrator.get("/registrations?since=yesterday&worker=Ann")
    assert answer.status_code == 422
    assert "yesterday is no day" in answer.text.split('id="since-problem"')[1].split("</p>")[0]
    assert 'value="Ann"' in answer.text
    assert administrator.get("/registrations?remark=nonsense").status_code == 404
    assert administrator.get("/registrations/0").status_code == 422
    assert administrator.get("/registrations/99").status_code == 404


def test_pages_show_each_once(gates: Gates, administrator: Client) -> None:
    ids = [gates.tap(f"07:00:{n:02}") for n in range(ROWS + 3)]
    page = administrator.get("/registrations?worker=Ann").text
    follow = re.search(r'rel="next" href="/registrations\?([^"]+)"', page)
    assert follow
    query = follow[1].replace("&amp;", "&")
    assert "worker=Ann" in query
    assert listed(administrator, "worker=Ann") + listed(administrator, query) == ids[::-1]


def test_looks_are_noted(company: Company, gates: Gates, administrator: Client) -> None:
    number = gates.tap("07:00")
    administrator.get("/registrations?worker=Ann")
    administrator.get(f"/registrations/{number}")
    assert company.trail() == [
        ("console:registration:list", None), ("console:registration:read", number)
    ]  # fmt: skip
    with company.engine.connect() as conn:
        assert conn.execute(select(audit.c.detail)).scalars().first() == '{"filters": ["worker"]}'


def test_the_proof_is_shown_and_taken_away(
    company: Company, reader: Engine, engine: Engine, tmp_path: Path
) -> None:
    terminal = FakeTerminal()
    (tmp_path / "keys").mkdir()
    save_private_key(tmp_path / "keys" / "sealing.key", terminal.platform)
    seq = terminal.tap("0123456789")
    with engine.begin() as conn:
        terminals.assign(conn, terminal.register(conn), company.quai, 0)
        badge = workers.put_badge(conn, "em4100", "0123456789")
        workers.link_badge(conn, badge, company.worker)
    message = terminal.batch()
    Custody(engine, tmp_path, generation=1).accept([Incoming(terminal.device, "records", message)])
    Interpreter(engine, [terminal.platform]).run_to_end()
    with engine.connect() as conn:
        number = conn.execute(select(registrations.c.id)).scalar_one()
    body, blob = terminal.records[seq - 1]
    for name in ("viewer", "auditor"):
        page = company.browser(reader, name).get(f"/registrations/{number}").text
        assert blob is not None
        for part in (body, blob, terminal.links[seq], terminal.head_message(seq)):
            assert part.hex() in page
        assert "0123456789" not in page
        assert ("Take the proof away" in page) == (name == "auditor")
    with engine.begin() as conn:
        cookie = sessions.begin(conn, company.who["auditor"])
    browser = Client(
        create_app(reader, engine, directory=tmp_path), {"cookie": f"{COOKIE}={cookie}"}
    )
    answer = browser.post(f"/registrations/{number}/disclosure")
    assert answer.status_code == 200
    assert "attachment" in answer.headers["content-disposition"]
    _, proved = Disclosure.decode(answer.content).verify(terminal.key.public)
    assert proved is not None
    assert proved.number == "0123456789"
    assert company.trail()[-1] == ("console:registration:disclose", number)
    keyless = company.browser(reader, "auditor").post(f"/registrations/{number}/disclosure")
    assert (keyless.status_code, "no keys" in keyless.text) == (404, True)
