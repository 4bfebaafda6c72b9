"""Corrections over the API: proposed by programs, signed off by others, and by no accident."""

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, func, select

from cloud.accounts.scopes import Scope
from cloud.audit.service import Actor
from cloud.audit.tables import audit
from cloud.errors import NotFoundError
from cloud.registrations import correcting
from cloud.registrations.tables import registration_corrections
from cloud.visibility.rules import Viewer, viewer
from tests.cloud.api.conftest import program
from tests.cloud.client import Client
from tests.cloud.console.company import CANARY, Company
from tests.cloud.console.tapping import Gates

PATH = "/v1/corrections"
PROPOSES = frozenset({Scope.CORRECTIONS_WRITE, Scope.CORRECTIONS_READ, Scope.REGISTRATIONS_READ})


@pytest.fixture
def proposer(reader: Engine, company: Company) -> Client:
    return program(reader, company.engine, company.ours, may=PROPOSES)


def post(client: Client, body: dict[str, Any], key: str | None = None) -> httpx.Response:
    headers = {} if key is None else {"idempotency-key": key}
    return client.request("POST", PATH, json={"reason": "Seen", **body}, headers=headers)


def decide(client: Client, number: int, *, approve: bool, tag: str | None) -> httpx.Response:
    headers = {} if tag is None else {"if-match": tag}
    return client.request(
        "POST", f"{PATH}/{number}/decision", json={"approve": approve}, headers=headers
    )


def void(registration: int, **more: Any) -> dict[str, Any]:
    return {"kind": "void", "registration_id": registration, **more}


def added(company: Company, time: str = "2026-03-02T16:00", **more: Any) -> dict[str, Any]:
    return {
        "kind": "add", "worker_id": company.worker, "site_id": company.quai, "tapped_at": time,
        "direction": "out", **more,
    }  # fmt: skip


def work_s(client: Client) -> list[int]:
    items = client.get("/v1/days?date=2026-03-02").json()["items"]
    return [item["work_s"] for item in items]


def test_what_a_program_proposes_counts_once_another_approves(
    company: Company, gates: Gates, ours: Client, proposer: Client
) -> None:
    gates.tap("07:00")
    made = post(proposer, added(company))
    assert made.status_code == 201, made.text
    number = made.json()["id"]
    assert made.json() == {
        "id": number,
        "kind": "add",
        "state": "proposed",
        "second": True,
        "registration_id": None,
        "worker_id": company.worker,
        "given_name": "Ann",
        "family_name": "Maes",
        "division": "Nord",
        "site": "Quai",
        "tapped_at": "2026-03-02T16:00:00.000+01:00",
        "direction": "out",
        "reason": "Seen",
        "entered_by": "test",
        "entered_at": made.json()["entered_at"],
        "decided_by": None,
        "decided_at": None,
    }
    shown = ours.get(made.headers["location"])
    assert (shown.json(), shown.headers["etag"]) == (made.json(), made.headers["etag"])
    assert work_s(ours) == [0]
    tag = shown.headers["etag"]
    assert decide(proposer, number, approve=True, tag=tag).status_code == 403
    assert decide(ours, number, approve=True, tag=None).status_code == 428
    assert decide(ours, number, approve=True, tag='"other"').status_code == 412
    assert work_s(ours) == [0]
    approved = decide(ours, number, approve=True, tag=tag)
    assert (approved.status_code, approved.json()["state"]) == (200, "approved")
    assert (approved.json()["decided_by"], work_s(ours)) == ("test", [32_400])
    assert approved.headers["etag"] == ours.get(f"{PATH}/{number}").headers["etag"] != tag
    assert decide(ours, number, approve=False, tag=tag).status_code == 412
    assert decide(ours, number, approve=False, tag="*").status_code == 409
    with company.engine.connect() as conn:
        rows = conn.execute(select(audit).order_by(audit.c.id)).all()
    told = [(row.tag, json.loads(row.detail)["token"]) for row in rows]
    assert told[0] == ("api:correction:propose", 2)
    assert ("api:correction:approve", 1) in told
    assert {row.account_id for row in rows} == {None}


def test_a_program_approves_no_correction_of_its_own(
    company: Company, gates: Gates, ours: Client, reader: Engine
) -> None:
    number = gates.tap("07:00")
    own = post(ours, void(number))
    refused = decide(ours, own.json()["id"], approve=True, tag=own.headers["etag"])
    assert (refused.status_code, "somebody else" in refused.json()["detail"]) == (409, True)
    # Another token, or an account, is somebody else.
    other = program(reader, company.engine, company.ours)
    assert decide(other, own.json()["id"], approve=True, tag="*").status_code == 200
    again = post(ours, added(company)).json()["id"]
    administrator = company.browser(reader, "administrator")
    assert "Approve" in administrator.get("/corrections").text
    assert administrator.post(f"/corrections/{again}/decision", approve="yes").status_code == 303
    withdrawn = post(ours, added(company, "2026-03-02T17:00")).json()["id"]
    back = decide(ours, withdrawn, approve=False, tag="*").json()
    assert (back["state"], back["decided_by"]) == ("refused", "test")


def test_a_program_signs_off_what_an_account_proposed(
    company: Company, gates: Gates, ours: Client
) -> None:
    number = gates.tap("07:00")
    with company.engine.begin() as conn:
        who = viewer(conn, company.who["administrator"], company.ours)
        made = correcting.correct(
            conn, who, Actor("console", who.account_id), number,
            direction="out", reason="He left", second=True,
        )  # fmt: skip
    found = decide(ours, made, approve=True, tag="*").json()
    assert (found["state"], found["entered_by"]) == ("approved", "The administrator")


def test_at_once_only_for_who_signs_off(
    company: Company, gates: Gates, ours: Client, proposer: Client
) -> None:
    number = gates.tap("07:00")
    refused = post(proposer, void(number, second=False))
    assert (refused.status_code, "second sign-off" in refused.json()["detail"]) == (422, True)
    assert proposer.get(PATH).json()["items"] == []
    at_once = post(ours, void(number, second=False)).json()
    assert (at_once["state"], at_once["direction"]) == ("approved", None)
    back = {"kind": "direction", "registration_id": number, "direction": "out", "second": False}
    assert post(ours, back).json()["direction"] == "out"
    assert post(ours, back).status_code == 409


def test_only_a_scope_makes_a_program_correct(company: Company, gates: Gates) -> None:
    number = gates.tap("07:00")
    reads = frozenset(Scope) - {Scope.CORRECTIONS_WRITE, Scope.CORRECTIONS_DECIDE}
    with company.engine.begin() as conn:
        for token, may in ((None, frozenset(Scope)), (1, reads)):
            who = Viewer(
                None, company.ours, viewer(conn, company.who["auditor"], company.ours).role, False,
                frozenset(), frozenset(), token, may,
            )  # fmt: skip
            for refused in (
                lambda who=who: correcting.correct(
                    conn, who, Actor("api"), number, direction=None, reason="x", second=True
                ),
                lambda who=who: correcting.decide(conn, who, Actor("api"), 1, approve=True),
            ):
                with pytest.raises(NotFoundError, match="Only administrators"):
                    refused()


def test_under_one_key_one_is_entered(
    company: Company, gates: Gates, ours: Client, engine: Engine
) -> None:
    gates.tap("07:00")
    first, again = post(ours, added(company), "k1"), post(ours, added(company), "k1")
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert post(ours, added(company)).status_code == 409
    assert post(ours, added(company, "2026-03-02T17:00"), "k1").status_code == 422
    with engine.connect() as conn:
        count = select(func.count()).select_from(registration_corrections)
        assert conn.execute(count).scalar() == 1


def test_lists_by_state_worker_and_registration(
    company: Company, gates: Gates, ours: Client
) -> None:
    numbers = [gates.tap(f"{hour:02}:00") for hour in (7, 8, 9, 10)]
    made = [
        post(ours, void(number, second=second)).json()["id"]
        for number, second in zip(numbers, (True, False, True, True), strict=True)
    ]
    decide(ours, made[2], approve=False, tag="*")

    def found(query: str = "") -> list[int]:
        ids: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            follows = f"&cursor={cursor}" if cursor else ""
            page = ours.get(f"{PATH}?limit=2{query}{follows}").json()
            ids += [item["id"] for item in page["items"]]
            cursor = page["next"]
        return ids

    assert found() == made[::-1]
    assert found("&state=proposed") == [made[3], made[0]]
    assert found("&state=approved") == [made[1]]
    assert found("&state=refused") == [made[2]]
    assert found(f"&registration={numbers[1]}") == [made[1]]
    assert found(f"&worker={company.worker}") == made[::-1]
    assert found(f"&worker={company.their_worker}") == []
    assert ours.get(f"{PATH}?state=lost").status_code == 422


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"kind": "lost"}, 422, "kind"),
        ({"kind": "void"}, 422, "registration_id"),
        ({"kind": "void", "registration_id": 1, "direction": "in"}, 422, "direction"),
        ({"kind": "void", "registration_id": 1, "reason": " "}, 422, "reason"),
        ({"kind": "void", "registration_id": 987654}, 404, "no registration"),
        ({"kind": "add", "tapped_at": "2990-01-01T00:00Z"}, 422, "future"),
        ({"kind": "add", "tapped_at": "noon"}, 422, "not a time"),
        ({"kind": "add", "direction": "auto"}, 422, "direction"),
        ({"kind": "add", "site_id": 987654}, 404, "no such site"),
        ({"kind": "add", "worker_id": 987654}, 404, "no such worker"),
    ],
)
def test_what_cannot_be_entered(
    company: Company, gates: Gates, ours: Client, body: dict[str, Any], status: int, says: str
) -> None:
    gates.tap("07:00")
    whole = {**added(company), **body} if body["kind"] == "add" else body
    refused = post(ours, whole)
    assert (refused.status_code, says in refused.json()["detail"]) == (status, True), refused.text
    assert ours.get(PATH).json()["items"] == []


def test_a_company_s_correction_is_its_own(
    reader: Engine, company: Company, gates: Gates, ours: Client
) -> None:
    shared = gates.stranger("07:00", company.quai)
    theirs = program(reader, company.engine, company.theirs)
    made = post(theirs, void(shared, reason=f"{CANARY} left"))
    assert made.status_code == 201
    assert CANARY not in ours.get(PATH).text
    for answer in (
        ours.get(made.headers["location"]),
        decide(ours, made.json()["id"], approve=True, tag="*"),
    ):
        assert (answer.status_code, answer.json()["detail"]) == (
            404, "There is no such correction."
        )  # fmt: skip
    hidden = gates.stranger("08:00", company.their_site)
    assert post(ours, void(hidden)).status_code == 404
