"""Programs and personal data: all of one person, what erasing would do, and asking for it."""

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, select

from cloud.accounts.scopes import Scope
from cloud.api.privacy import PersonData
from cloud.mail.tables import mails
from cloud.retention.tables import erasure_requests
from cloud.subjects import holdings
from cloud.workers import service as workers
from tests.cloud.api.conftest import program
from tests.cloud.apps.pairing import pair
from tests.cloud.client import Client
from tests.cloud.console.company import Company
from tests.cloud.console.tapping import Gates


@pytest.fixture
def left(company: Company, gates: Gates) -> Gates:
    """Ann tapped twice, and works there no more."""
    for at in ("08:00", "12:00"):
        gates.tap(at)
    with company.engine.begin() as conn:
        pair(conn, company.worker, "telephone")
        workers.set_active(conn, company.worker, False)
    return gates


def test_everything_held_of_a_person(ours: Client, company: Company, left: Gates) -> None:
    found = ours.get(f"/v1/workers/{company.worker}/data").json()
    assert found["person"]["family_name"] == "Maes"
    assert len(found["registrations"]) == 2
    assert [app["name"] for app in found["apps"]] == ["telephone"]
    assert company.trail()[-1] == ("api:person:export", company.worker)
    assert ours.get(f"/v1/workers/{company.their_worker}/data").status_code == 404


def test_no_part_of_what_is_held_is_left_out(company: Company, left: Gates, reader: Engine) -> None:
    with reader.connect() as conn:
        held = holdings.holdings(conn, company.ours, company.worker, None)
    assert set(PersonData.model_fields) == set(held)
    with pytest.raises(ValidationError):
        PersonData.model_validate({**held, "telephones": []})


def test_an_erasure_waits_for_an_administrator(
    ours: Client, company: Company, left: Gates, engine: Engine
) -> None:
    path = f"/v1/workers/{company.worker}/erasure"
    lines = {line["what"]: line for line in ours.get(path).json()["lines"]}
    assert (lines["presences"]["now"], lines["presences"]["kept"]) == (0, 2)
    assert lines["presences"]["until"] == "2033-03-02"
    first = ours.request("POST", path, headers={"idempotency-key": "a"})
    assert first.status_code == 201
    assert first.json()["state"] == "proposed"
    again = ours.request("POST", path, headers={"idempotency-key": "b"})
    assert again.json()["id"] == first.json()["id"]
    shown = ours.get(first.headers["location"]).json()
    assert shown == first.json()
    assert [each["id"] for each in ours.get("/v1/erasures").json()["items"]] == [shown["id"]]
    with engine.connect() as conn:
        assert len(conn.execute(select(erasure_requests)).all()) == 1
        asked = conn.execute(select(mails.c.address)).scalars().all()
        assert asked == ["administrator@example.be"]  # once, however often it was asked
    assert ours.get(f"/v1/workers/{company.worker}").status_code == 200


def test_whoever_is_active_is_not_erased(ours: Client, company: Company) -> None:
    answer = ours.request("POST", f"/v1/workers/{company.worker}/erasure")
    assert answer.status_code == 409
    assert "inactive first" in answer.json()["detail"]


def test_how_long_presences_are_kept(ours: Client) -> None:
    found = ours.get("/v1/retention")
    assert found.json() == {"months": 84, "minimum": 84, "maximum": 120}
    tag = found.headers["etag"]
    changed = ours.request("PUT", "/v1/retention", json={"months": 96}, headers={"if-match": tag})
    assert changed.json()["months"] == 96
    stale = ours.request("PUT", "/v1/retention", json={"months": 90}, headers={"if-match": tag})
    assert stale.status_code == 412
    low = ours.request("PUT", "/v1/retention", json={"months": 12}, headers={"if-match": "*"})
    assert low.status_code == 422


def test_each_thing_has_its_scope(reader: Engine, company: Company, left: Gates) -> None:
    read = program(reader, company.engine, company.ours, may=frozenset({Scope.WORKERS_READ}))
    export = program(reader, company.engine, company.ours, may=frozenset({Scope.WORKERS_EXPORT}))
    number = company.worker
    assert read.get(f"/v1/workers/{number}/data").status_code == 403
    assert export.get(f"/v1/workers/{number}/data").status_code == 200
    assert export.get(f"/v1/workers/{number}/erasure").status_code == 403
