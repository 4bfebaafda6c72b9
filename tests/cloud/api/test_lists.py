from typing import Any

from sqlalchemy import Engine, insert, update

from cloud.companies import service as companies
from cloud.custody.tables import alarms, rejected, waiting
from cloud.terminals import service
from cloud.terminals.tables import terminals
from cloud.times import now_ms
from tests.cloud.api.conftest import program
from tests.cloud.client import Client
from tests.cloud.sample import START_MS, Sample


def items(client: Client, path: str, limit: int = 2) -> list[dict[str, Any]]:
    """All pages of a list."""
    found: list[dict[str, Any]] = []
    query = f"{path}{'&' if '?' in path else '?'}limit={limit}"
    cursor = ""
    while True:
        answer = client.get(query + cursor)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next"] is None:
            return found
        cursor = f"&cursor={answer.json()['next']}"


def test_companies_but_never_private_ones(client: Client, sample: Sample) -> None:
    found = items(client, "/v1/companies", 1)
    assert [company["name"] for company in found] == ["Solvay", "Elektro"]
    assert found[0] == {"id": sample.contractor, "vat": "BE0403019261", "name": "Solvay"}


def test_sites(client: Client, sample: Sample) -> None:
    found = items(client, "/v1/sites", 1)
    assert [site["name"] for site in found] == ["Quai", "Dock"]
    assert found[0] == {
        "id": sample.sites[0],
        "name": "Quai",
        "division": "Nord",
        "company": "Solvay",
        "vat": "BE0403019261",
        "address": None,
        "workplace_id": None,
    }


def test_terminals(client: Client, engine: Engine, sample: Sample) -> None:
    said = '{"status": {"state": "online"}, "telemetry": {"queue": 3}}'
    with engine.begin() as conn:
        conn.execute(
            update(terminals)
            .where(terminals.c.id == sample.terminals[0])
            .values(last_status=said, last_seen_ms=START_MS)
        )
    first, second = items(client, "/v1/terminals", 1)
    assert first == {
        "id": sample.terminals[0],
        "device": sample.devices[0],
        "name": "gate 0",
        "status": "active",
        "company": "Solvay",
        "division": "Nord",
        "site": "Quai",
        "assigned_at": "1970-01-01T01:00:00.000+01:00",
        "last_seen_at": "2026-03-02T06:30:00.000+01:00",
        "said": {"status": {"state": "online"}, "telemetry": {"queue": 3}},
    }
    assert (second["last_seen_at"], second["said"]) == (None, {})


def test_what_a_terminal_told_and_where_it_stood_with_others_is_not_shown(
    reader: Engine, engine: Engine, sample: Sample
) -> None:
    now, later = now_ms(), now_ms() + 3_600_000
    with engine.begin() as conn:
        division = companies.put_division(conn, sample.subcontractor, "Theirs")
        site = companies.put_site(conn, division, "Kaai")
        service.assign(conn, sample.terminals[0], site, 0)
        service.assign(conn, sample.terminals[0], sample.sites[0], later)
        conn.execute(
            update(terminals)
            .where(terminals.c.id == sample.terminals[0])
            .values(last_status='{"telemetry": {"queue": 666}}', last_seen_ms=now)
        )
    ours = program(reader, engine, sample.contractor)
    number = sample.terminals[0]
    hidden = ("company", "division", "site", "assigned_at", "last_seen_at")
    for row in (
        items(ours, "/v1/terminals")[0], ours.get(f"/v1/terminals/{number}").json()
    ):  # fmt: skip
        assert row["device"] == sample.devices[0]
        assert [row[name] for name in hidden] == [None] * len(hidden)
        assert row["said"] == {}
    operator = program(reader, engine, None).get(f"/v1/terminals/{number}").json()
    assert (operator["site"], operator["said"]) == ("Kaai", {"telemetry": {"queue": 666}})


def test_alarms(client: Client, engine: Engine, sample: Sample) -> None:
    with engine.begin() as conn:
        for number in range(4):
            conn.execute(
                insert(alarms).values(
                    terminal_id=sample.terminals[0] if number else None,
                    kind="gap",
                    detail=f"number {number}",
                    at_ms=START_MS,
                    cleared_ms=START_MS if number == 1 else None,
                )
            )
    standing = items(client, "/v1/alarms")
    assert [alarm["detail"] for alarm in standing] == ["number 3", "number 2", "number 0"]
    assert [alarm["device"] for alarm in standing] == [sample.devices[0]] * 2 + [None]
    assert standing[0]["at"] == "2026-03-02T06:30:00.000+01:00"
    assert [alarm["detail"] for alarm in items(client, "/v1/alarms?state=cleared")] == ["number 1"]
    assert len(items(client, "/v1/alarms?state=all")) == 4


def test_rejected_without_their_content(client: Client, engine: Engine) -> None:
    with engine.begin() as conn:
        for number in range(3):
            conn.execute(
                insert(rejected).values(
                    digest=bytes([number]) * 32,
                    device="anything",
                    topic="pointeuse/v1/anything/records",
                    reason="malformed",
                    detail="not CBOR",
                    message=b"secret",
                    count=5,
                    first_ms=START_MS,
                    last_ms=START_MS,
                )
            )
    found = items(client, "/v1/rejected")
    assert [item["digest"][:2] for item in found] == ["02", "01", "00"]
    assert found[0].keys() == {
        "id", "device", "topic", "reason", "detail", "digest", "size", "count", "first_at",
        "last_at",
    }  # fmt: skip
    assert (found[0]["size"], found[0]["count"]) == (6, 5)


def test_waiting_with_reasons(client: Client, engine: Engine, sample: Sample) -> None:
    with engine.begin() as conn:
        for gate, seq in ((1, 3), (0, 9), (0, 10), (1, 2), (1, 30)):
            conn.execute(
                insert(waiting).values(
                    epoch_id=sample.epochs[gate],
                    seq=seq,
                    reason="unsealable",
                    detail="no key",
                    tried_ms=START_MS,
                )
            )
    for limit in (1, 2, 4, 5):
        found = items(client, "/v1/waiting", limit)
        assert [(sample.devices.index(item["device"]), item["seq"]) for item in found] == [
            (0, 9), (0, 10), (1, 2), (1, 3), (1, 30),
        ]  # fmt: skip
    assert found[0]["reason"] == "unsealable"
    assert client.get("/v1/waiting?cursor=5").status_code == 422


def test_health(client: Client, engine: Engine, sample: Sample) -> None:
    with engine.begin() as conn:
        sample.tap(conn)
        for kind in ("gap", "gap", "fork"):
            conn.execute(insert(alarms).values(kind=kind, detail="", at_ms=0))
        conn.execute(insert(alarms).values(kind="gap", detail="", at_ms=0, cleared_ms=1))
    assert client.get("/v1/health").json() == {
        "status": "ok",
        "registrations": 1,
        "uninterpreted": 4,
        "terminals": 2,
        "waiting": {},
        "rejected": {},
        "alarms": {"fork": 1, "gap": 2},
    }


def test_counts_stop_where_they_cost(client: Client, engine: Engine) -> None:
    with engine.begin() as conn:
        rows = [{"kind": "gap", "detail": "", "at_ms": 0}] * 1500
        conn.execute(insert(alarms), rows)
    assert client.get("/v1/health").json()["alarms"] == {"gap": 1000}
