"""Terminals on the console: who sees which, who changes them, and what of them is shown."""

import json
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine, delete, insert, select, update

from cloud.custody import gaps
from cloud.custody.alarms import raise_alarm
from cloud.custody.gaps import Hole
from cloud.custody.saying import What
from cloud.custody.tables import alarms, heads
from cloud.registrations.tables import registrations
from cloud.terminals import service
from cloud.terminals.tables import assignments, terminals
from cloud.terminals.telemetry import History
from cloud.times import local, now_ms, parse
from protocol.identity import compact, device_number, group
from protocol.keys import SigningKey
from provisioning.enrolment import make_request
from tests.cloud.client import Client
from tests.cloud.console.company import CANARY, Company, hidden
from tests.cloud.console.sending import GIGABYTE, send_on
from tests.cloud.custody.chains import hold

HOUR = 3_600_000


class Gates:
    """The company's three terminals by site, one of the other company, and one of nobody."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.ids: dict[str, int] = {}
        self.devices: dict[str, str] = {}
        with company.engine.begin() as conn:
            for name, site in (
                ("quai", company.quai), ("dock", company.dock), ("mine", company.mine),
                ("theirs", company.their_site), ("nobodys", None),
            ):  # fmt: skip
                key = SigningKey.generate().public
                self.devices[name] = compact(device_number(key.thumbprint))
                shown = f"{CANARY} poort" if name == "theirs" else f"gate {name}"
                self.ids[name] = service.register(conn, key, shown)
                if site is not None:
                    service.assign(conn, self.ids[name], site, 0)

    def tell(self, name: str, at_ms: int, **said: Any) -> None:
        with self.company.engine.begin() as conn:
            History().note(conn, self.ids[name], said, at_ms)

    def says(self, name: str, seen_ms: int | None, **said: Any) -> None:
        values = {"last_seen_ms": seen_ms, "last_status": json.dumps(said)}
        with self.company.engine.begin() as conn:
            conn.execute(update(terminals).where(terminals.c.id == self.ids[name]).values(**values))

    def path(self, name: str, rest: str = "") -> str:
        return f"/terminals/{self.devices[name]}{rest}"


@pytest.fixture
def gates(company: Company) -> Gates:
    """Those of this module, in place of those of all."""
    return Gates(company)


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("administrator", {"quai", "dock", "mine"}),
        ("auditor", {"quai", "dock", "mine"}),
        ("manager", {"mine"}),
        ("viewer", {"quai", "dock"}),
        ("external", {"quai"}),
        ("other", {"theirs"}),
        ("operator", {"quai", "dock", "mine", "theirs", "nobodys"}),
    ],
)
def test_everybody_sees_the_terminals_that_are_reached_and_no_other(
    company: Company, gates: Gates, reader: Engine, name: str, seen: set[str]
) -> None:
    browser = company.browser(reader, name)
    page = browser.get("/terminals")
    assert page.status_code == 200
    for gate, device in gates.devices.items():
        assert (group(device) in page.text) == (gate in seen), gate
        expected = 200 if gate in seen else 404
        assert browser.get(gates.path(gate)).status_code == expected
        assert browser.get(gates.path(gate, "/statistics")).status_code == expected
    assert (CANARY in page.text) == (name in ("other", "operator"))


def test_nobody_and_who_has_no_part_are_sent_away(
    company: Company, gates: Gates, reader: Engine
) -> None:
    for path in ("/terminals", gates.path("quai"), gates.path("quai", "/statistics")):
        assert company.browser(reader, None).get(path).status_code == 303
        assert company.browser(reader, "none").get(path).status_code == 404


def test_what_is_no_device_number_is_not_there(administrator: Client, gates: Gates) -> None:
    for path in ("/terminals/x", "/terminals/7ZK3M9Q2WDX", "/terminals/%00"):
        assert administrator.get(path).status_code == 404
    assert administrator.get(gates.path("quai") + "?days=3").status_code == 422
    assert administrator.get(f"/terminals/{group(gates.devices['quai'])}").status_code == 200


@pytest.mark.parametrize("name", ["auditor", "manager", "viewer", "external"])
def test_only_administrators_change_them(
    company: Company, gates: Gates, reader: Engine, name: str
) -> None:
    browser = company.browser(reader, name)
    gate = gates.path("mine" if name == "manager" else "quai")
    assert browser.get("/terminals/new").status_code == 403
    assert 'method="post" action="/terminals' not in browser.get(gate).text
    for path in ("/terminals/new", gate, f"{gate}/list", f"{gate}/site"):
        assert browser.post(path, name="x", status="inactive").status_code == 403
    assert company.trail() == []


def test_the_lists_and_how_each_is_doing(gates: Gates, administrator: Client) -> None:
    now = now_ms()
    gates.says("quai", now, status={"state": "online"})
    gates.says("dock", now - 10 * HOUR, status={"state": "online"})
    texts = {
        state: administrator.get(f"/terminals?standing={state}").text
        for state in ("online", "silent", "never")
    }
    for state, name in (("online", "quai"), ("silent", "dock"), ("never", "mine")):
        for each in ("quai", "dock", "mine"):
            assert (f"gate {each}" in texts[state]) == (each == name)
    assert " UTC" in texts["silent"]
    assert administrator.post(gates.path("dock", "/list"), status="inactive").status_code == 303
    assert "gate dock" not in administrator.get("/terminals").text
    page = administrator.get("/terminals?status=inactive").text
    assert "gate dock" in page
    assert "gate quai" not in page
    assert "gate mine" in administrator.get("/terminals?words=GATE+m").text
    number = group(gates.devices["quai"])
    assert "gate quai" in administrator.get(f"/terminals?words={number[:8].lower()}").text
    assert "gate quai" not in administrator.get("/terminals?words=%25").text
    page = administrator.get(f"/terminals?site={gates.company.mine}").text
    assert ("gate mine" in page, "gate quai" in page) == (True, False)
    assert administrator.get("/terminals?site=x").status_code == 404


def test_it_is_renamed_and_two_at_once_are_told(
    company: Company, gates: Gates, administrator: Client, reader: Engine
) -> None:
    path = gates.path("quai")
    was = hidden(administrator.get(path).text)
    assert administrator.post(path, name="  North   gate ", was=was).status_code == 303
    assert "North gate" in administrator.get(path).text
    late = administrator.post(path, name="South gate", was=was)
    assert late.status_code == 409
    assert "“gate quai” and is “North gate” now" in late.text
    assert administrator.post(path, name="x" * 999, was=was).status_code == 422
    assert company.trail() == [("console:terminal:change", gates.ids["quai"])]


def test_what_the_operator_took_out_of_use_stays_so(
    gates: Gates, administrator: Client, engine: Engine
) -> None:
    with engine.begin() as conn:
        service.set_status(conn, gates.ids["quai"], "banned")
    refused = administrator.post(gates.path("quai", "/list"), status="active")
    assert refused.status_code == 422
    assert "whoever runs the platform" in refused.text
    assert administrator.post(gates.path("dock", "/list"), status="banned").status_code == 422
    assert "banned" in administrator.get("/terminals?status=inactive").text


def test_it_is_moved_from_a_day_on_and_shows_where_it_stood(
    company: Company, gates: Gates, administrator: Client
) -> None:
    path = gates.path("quai", "/site")
    moved = administrator.post(path, site=str(company.dock), from_day="2026-03-02")
    assert moved.status_code == 303
    text = administrator.get(gates.path("quai")).text
    assert text.index("Dock<") < text.index("Quai<")
    assert "2 Mar 2026, 00:00:00 <small>+01:00</small>" in text
    assert "2026-03-01 23:00:00 UTC" in text
    assert administrator.post(path, site="nowhere", from_day="").status_code == 303
    with company.engine.connect() as conn:
        rows = conn.execute(
            select(assignments.c.site_id, assignments.c.from_ms, assignments.c.to_ms)
            .where(assignments.c.terminal_id == gates.ids["quai"])
            .order_by(assignments.c.from_ms)
        ).all()
    start = parse("2026-03-02")
    assert [(row.site_id, row.from_ms) for row in rows] == [
        (company.quai, 0),
        (company.dock, start),
    ]
    assert (rows[0].to_ms, rows[1].to_ms is None) == (start, False)
    assert company.trail() == [
        ("console:terminal:assign", gates.ids["quai"]),
        ("console:terminal:release", gates.ids["quai"]),
    ]
    again = administrator.post(path, site="nowhere", from_day="")
    assert again.status_code == 422
    assert "stands at no site at that moment" in again.text


@pytest.mark.parametrize(
    ("site", "day", "status"), [("", "", 422), ("x", "", 422), ("theirs", "", 404), ("", "2", 422)]
)
def test_a_place_that_cannot_be_meant(
    company: Company, gates: Gates, administrator: Client, site: str, day: str, status: int
) -> None:
    place = str(company.their_site) if site == "theirs" else site
    sent = administrator.post(gates.path("quai", "/site"), site=place, from_day=day)
    assert sent.status_code == status
    assert CANARY not in sent.text
    assert company.trail() == []


class TestAfterAnotherCompany:
    """A terminal that stood with the other company until a moment, and with ours since."""

    UNTIL = parse("2026-03-02")

    @pytest.fixture(autouse=True)
    def _moved(self, company: Company, gates: Gates) -> None:
        with company.engine.begin() as conn:
            service.assign(conn, gates.ids["theirs"], company.quai, self.UNTIL)

    def test_their_time_is_not_taken_back(
        self, company: Company, gates: Gates, administrator: Client
    ) -> None:
        path = gates.path("theirs", "/site")
        refused = administrator.post(path, site=str(company.dock), from_day="2026-03-01")
        assert refused.status_code == 422
        assert "did not stand with your company" in refused.text
        assert administrator.post(path, site="nowhere", from_day="2026-03-01").status_code == 422
        later = administrator.post(path, site=str(company.dock), from_day="2026-03-02")
        assert later.status_code == 303

    def test_where_it_stands_until_it_comes_is_not_named(
        self, company: Company, gates: Gates, administrator: Client
    ) -> None:
        later = now_ms() + HOUR
        with company.engine.begin() as conn:
            mine = assignments.c.terminal_id == gates.ids["theirs"]
            conn.execute(
                update(assignments).where(mine, assignments.c.to_ms.is_(None)).values(from_ms=later)
            )
            conn.execute(
                update(assignments)
                .where(mine, assignments.c.to_ms.is_not(None))
                .values(to_ms=later)
            )
        for path in ("/terminals", "/"):
            page = administrator.get(path).text
            assert group(gates.devices["theirs"]) in page
            assert f"{CANARY} Kaai" not in page
        assert "later" in administrator.get(gates.path("theirs")).text

    def test_what_it_did_there_is_not_shown(
        self, company: Company, gates: Gates, administrator: Client, reader: Engine
    ) -> None:
        now = now_ms()
        with company.engine.begin() as conn:
            conn.execute(update(assignments).where(assignments.c.to_ms == self.UNTIL).values(
                to_ms=now - HOUR))  # fmt: skip
            conn.execute(update(assignments).where(assignments.c.from_ms == self.UNTIL).values(
                from_ms=now - HOUR))  # fmt: skip
            raise_alarm(conn, gates.ids["theirs"], What.GONE, first=911, last=912)
            before = {"terminal_id": gates.ids["theirs"], "kind": "fork", "at_ms": now - 2 * HOUR}
            conn.execute(insert(alarms).values(detail="while with them", **before))
            then = dict.fromkeys((6101, 6102, 6105), now - 2 * HOUR)
            since = dict.fromkeys((6106, 6109, 6110, 6111), now)
            waits = {6101: "wrong-blob", 6106: "no-key", 6109: "no-key"}
            theirs = gates.ids["theirs"]
            both = hold(conn, theirs, then | since, read=6109, waits=waits)
            for first, last in ((6103, 6104), (6107, 6108)):
                gaps.note(conn, theirs, both, Hole(first, last, bytes(32)))
            conn.execute(update(alarms).where(alarms.c.detail.contains("6103")).values(
                at_ms=now - 2 * HOUR))  # fmt: skip
            old = dict.fromkeys((1, 2), now - 2 * HOUR)
            hold(conn, theirs, old, epoch=b"\xcd" * 16, waits={1: "erased"})
        gates.tell("theirs", now - 5 * HOUR, queue=666)
        gates.tell("theirs", now, queue=7)
        _tap(gates, "theirs", company.theirs, company.their_site, now - 5 * HOUR)
        _tap(gates, "theirs", company.ours, company.quai, now)
        found = administrator.get(gates.path("theirs", "/statistics")).json()
        assert found["told"]["queue"] == [7]
        assert sum(found["taps"]["count"]) == 1
        text = administrator.get(gates.path("theirs")).text
        assert "666" not in text
        assert f"{CANARY} Kaai" not in text
        assert "records 911 to 912 are gone for good" in text
        assert "while with them" not in text
        chain = text.split('id="chain"')[1]
        for words in (
            "1 gap:", "<td>6107</td><td>6108</td>", "6106&ndash;6111", "<td>6109</td>",
            "2 records were received", "2 records are kept but not understood: the platform has no",
        ):  # fmt: skip
            assert words in chain, words
        for secret in ("6101", "6102", "6103", "6104", "6105", "cdcdcdcd", "sealed part", "erased"):
            assert secret not in chain, secret
        chain = company.browser(reader, "operator").get(gates.path("theirs")).text
        for words in ("2 gaps:", "6101&ndash;6111", "cdcdcdcd", "sealed part", "tapped was erased"):
            assert words in chain, words
        operator = company.browser(reader, "operator").get(gates.path("theirs", "/statistics"))
        assert operator.json()["told"]["queue"] == [666, 7]
        assert sum(operator.json()["taps"]["count"]) == 2

    def test_what_it_told_there_last_is_not_shown(
        self, company: Company, gates: Gates, administrator: Client, reader: Engine
    ) -> None:
        told = {"alarms": {"disk": "full with them"}}
        gates.says("theirs", self.UNTIL - 240 * HOUR, status={"state": "online"}, telemetry=told)
        pages = ("/", "/terminals", gates.path("theirs"))
        for path in pages:
            text = administrator.get(path).text
            assert group(gates.devices["theirs"]) in text
            assert "full with them" not in text
            assert "2026-02-20" not in text
        row = administrator.get("/terminals?standing=never").text
        assert group(gates.devices["theirs"]) in row
        assert "full with them" in company.browser(reader, "operator").get(pages[-1]).text
        gates.says("theirs", self.UNTIL, status={"state": "online"}, telemetry=told)
        assert "full with them" in administrator.get(pages[-1]).text


def _tap(gates: Gates, name: str, company: int, site: int, at_ms: int) -> None:
    with gates.company.engine.begin() as conn:
        seq = conn.execute(select(registrations.c.id)).all()
        conn.execute(
            insert(registrations).values(
                epoch_id=1, seq=len(seq) + 1, terminal_id=gates.ids[name],
                badge_id=gates.company.badge, assurance=2, company_id=company, site_id=site,
                direction="in", tapped_ms=at_ms, received_ms=at_ms,
            )
        )  # fmt: skip


def test_what_it_told_and_how_its_chain_is(
    company: Company, gates: Gates, administrator: Client
) -> None:
    now = now_ms()
    telemetry = {
        "queue": 14, "receipt_ms": 33, "version": "0.9", "clock": {"sync": "synchronised"},
        "certificate": {"not_before_ms": 1_700_000_000_000, "not_after_ms": 1_900_000_000_000},
        "readers": {"in": {"state": "absent", "detail": "plug <it> in"}},
        "unreadable": {"in": {"checksum": 3}}, "alarms": {"disk-85": "85 %"},
    }  # fmt: skip
    gates.says("quai", now, status={"state": "online"}, telemetry=telemetry)
    with company.engine.begin() as conn:
        held = dict.fromkeys([*range(3, 41), *range(48, 91)], now)
        waits = {4: "no-key", 5: "unsealable"}
        epoch = hold(conn, gates.ids["quai"], held, read=88, waits=waits)
        conn.execute(delete(heads).where(heads.c.seq == 90))
        gaps.note(conn, gates.ids["quai"], epoch, Hole(41, 47, bytes(32)))
        hold(conn, gates.ids["quai"], {5: now}, branch=1)
    text = administrator.get(gates.path("quai")).text
    for words in (
        "14 records without a receipt", "33 ms", "set by a time server", "2030-03-17", "absent",
        "plug &lt;it&gt; in", "3 since its program started",
        "the reader sent something garbled: 3", "disk-85: 85 %",
        "Its disk fills: make room on it, or let it reach the platform.",
        '<th scope="row">records missing</th>',
        "abababab", "3&ndash;90", "<td>89</td>", "1 gap", "<td>41</td><td>47</td>",
        "branch 1, undecided", "000000000000005a",
        "not understood: the platform has no key that opens what the terminal sealed.",
        "records 41 to 47 are gone for good", "1 record is kept but not understood: unsealable",
        "2 records were received",
    ):  # fmt: skip
        assert words in text, words


def test_whatever_a_terminal_says_its_page_opens(gates: Gates, administrator: Client) -> None:
    odd = {
        "queue": "many", "clock": 3, "certificate": {"not_after_ms": 10**30}, "readers": [1],
        "unreadable": {"in": {"x": -1}}, "alarms": "all", "version": {},
    }  # fmt: skip
    said: tuple[Any, ...] = (odd, [], None, {"readers": {"in": 3}, "alarms": {"a": [1]}})
    for telemetry in said:
        gates.says("quai", 1, status=telemetry, telemetry=telemetry)
        assert administrator.get(gates.path("quai")).status_code == 200
        assert administrator.get("/terminals").status_code == 200


def test_taps_are_counted_by_the_hour_and_the_day_in_brussels(
    company: Company, gates: Gates, administrator: Client
) -> None:
    now = now_ms()
    for at_ms in (now, now, now - 2 * HOUR, now - 40 * 24 * HOUR):
        _tap(gates, "quai", company.ours, company.quai, at_ms)
    found = administrator.get(gates.path("quai", "/statistics?days=1")).json()["taps"]
    counts = dict(zip(found["at"], found["count"], strict=True))
    assert counts[(now - now % HOUR) // 1000] == 2
    assert sum(counts.values()) == 3
    found = administrator.get(gates.path("quai", "/statistics?days=90")).json()["taps"]
    assert sum(found["count"]) == 4
    assert 90 <= len(found["at"]) <= 92
    assert all(local(second * 1000).hour == 0 for second in found["at"])
    page = administrator.get(gates.path("quai", "?days=90")).text
    assert (
        page.count("<td>1</td>") + 2 * page.count("<td>2</td>") + 3 * page.count("<td>3</td>") == 4
    )


def request_of(key: SigningKey) -> bytes:
    """The certificate request of a terminal with this identity."""
    return make_request(key, ec.generate_private_key(ec.SECP256R1()))


def test_when_a_reader_came_and_went(gates: Gates, administrator: Client) -> None:
    now = now_ms()
    for back, state in ((40, "ready"), (30, "ready"), (20, "failed"), (10, "failed"), (0, "ready")):
        gates.tell("quai", now - back * 60_000, readers={"in": {"state": state}})
    text = administrator.get(gates.path("quai")).text
    changes = text.split("Changes of readers</caption>")[1].split("</table>")[0]
    assert re.findall(r"<td>\s*(ready|failed)", changes) == ["ready", "failed"]


class TestAdding:
    def test_a_gigabyte_is_told_at_its_field(self, company: Company, administrator: Client) -> None:
        head = (
            b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nNew gate\r\n'
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="r"\r\n'
            b"Content-Type: application/octet-stream\r\n\r\n"
        )
        kind = "multipart/form-data; boundary=b"
        answer, read = send_on(administrator, "/terminals/new", head, kind=kind, language="fr")
        assert answer.status_code == 422
        assert read >= GIGABYTE
        said = answer.text.split('id="file-problem"', 1)[1].split("</p>", 1)[0]
        assert "64 KiB" in said
        assert 'value="New gate"' in answer.text

    @pytest.fixture
    def key(self) -> SigningKey:
        return SigningKey.generate()

    def send(
        self, browser: Client, key: SigningKey, site: int | str, *, device: str = "",
        message: bytes | None = None,
    ) -> Any:  # fmt: skip
        sent = (
            make_request(key, ec.generate_private_key(ec.SECP256R1()))
            if message is None
            else message
        )
        return browser.request(
            "POST",
            "/terminals/new",
            data={
                "device": device or device_number(key.public.thumbprint),
                "name": "New gate", "site": str(site), "from_day": "2026-03-02",
            },
            files={"file": ("gate.request", sent)},
            headers={"origin": "http://localhost"},
        )  # fmt: skip

    def test_by_its_number_and_its_request(
        self, company: Company, administrator: Client, key: SigningKey
    ) -> None:
        made = self.send(administrator, key, company.quai)
        assert made.status_code == 303
        page = administrator.get(made.headers["location"]).text
        for words in ("New gate", "never seen", "Quai", "certificate request is kept"):
            assert words in page
        ((tag, target),) = company.trail()
        assert tag == "console:terminal:create"
        with company.engine.connect() as conn:
            row = conn.execute(select(terminals).where(terminals.c.id == target)).one()
        assert row.public_key == key.public.to_cose()
        again = self.send(administrator, key, company.quai)
        assert again.status_code == 422
        assert "is registered already" in again.text

    def test_nobody_takes_one_that_stands_with_somebody_else(
        self, company: Company, administrator: Client, key: SigningKey, engine: Engine
    ) -> None:
        with engine.begin() as conn:
            theirs = service.register(conn, key.public, f"{CANARY} poort")
            service.assign(conn, theirs, company.their_site, 0)
        refused = self.send(administrator, key, company.quai)
        assert refused.status_code == 422
        assert "have whoever runs the platform move it" in refused.text
        assert CANARY not in refused.text

    def test_what_does_not_hold_is_said_and_what_was_typed_stays(
        self, company: Company, administrator: Client, key: SigningKey
    ) -> None:
        other = device_number(SigningKey.generate().public.thumbprint)
        request = request_of(key)
        for answer, words in (
            (self.send(administrator, key, company.quai, device=other), "This is the request of"),
            (self.send(administrator, key, company.quai, device="ABC"), "is no device number"),
            (self.send(administrator, key, ""), "Choose the site"),
            (self.send(administrator, key, company.quai, message=b""), "No file was sent"),
            (
                self.send(administrator, key, company.quai, message=request[:-1] + b"x"),
                "no certificate request",
            ),
        ):
            assert answer.status_code == 422
            assert words in answer.text
            assert 'value="New gate"' in answer.text
        assert self.send(administrator, key, company.their_site).status_code == 404
        huge = self.send(administrator, key, company.quai, message=bytes(140_000))
        assert huge.status_code == 422
        said = huge.text.split('id="file-problem"', 1)[1].split("</p>", 1)[0]
        assert "longer than 64 KiB, which no certificate request is" in said
        assert 'value="New gate"' in huge.text
        assert company.trail() == []
        with company.engine.connect() as conn:
            assert conn.execute(select(terminals.c.id)).all() == []
