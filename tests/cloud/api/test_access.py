"""Every route, as everybody: no token, a bad one, a company's, another's, the operator's."""

from typing import Any

import pytest
from sqlalchemy import Engine, insert

from cloud.accounts import api_tokens, scopes
from cloud.accounts.scopes import Scope
from cloud.api.app import create_app
from cloud.custody.tables import alarms
from cloud.errors import NotFoundError
from tests.cloud.api.conftest import program
from tests.cloud.api.matrix import ROUTES
from tests.cloud.client import Client
from tests.cloud.sample import Sample

APP_TOKEN: dict[str, list[str]] = {"AppToken": []}


@pytest.fixture
def sample(engine: Engine) -> Sample:
    with engine.begin() as conn:
        sample = Sample(conn)
        sample.tap(conn)
        sample.stranger_taps(conn)
        conn.execute(insert(alarms).values(kind="gap", detail="", at_ms=0))
        return sample


def routes(client: Client) -> list[str]:
    """Every path that is described and can be looked at, with 1 for an id."""
    paths = client.get("/v1/openapi.json").json()["paths"]
    return [path.replace("{number}", "1") for path, methods in paths.items() if "get" in methods]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Bearer",
        "Bearer ",
        "Bearer short",
        "Bearer " + "A" * 43,
        "Bearer " + "é" * 43,
        "Basic YTpi",
    ],
)
def test_nothing_is_told_without_a_token(
    reader: Engine, engine: Engine, sample: Sample, header: str | None
) -> None:
    client = Client(create_app(reader, engine))
    given = {} if header is None else {"authorization": header.encode()}
    for path in routes(client):
        answer = client.get(path, headers=given)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["title"] == "Unauthorized"
        assert sample.devices[0] not in answer.text


def test_a_revoked_token_is_worth_nothing(client: Client, engine: Engine) -> None:
    assert client.get("/v1/health").status_code == 200
    with engine.begin() as conn:
        assert api_tokens.revoke(conn, 1) is None
        with pytest.raises(NotFoundError, match="no token 1 in use"):
            api_tokens.revoke(conn, 1)
        (listed,) = api_tokens.listed(conn)
    assert (listed["revoked"], "token" in listed) == (True, False)
    assert client.get("/v1/health").status_code == 401


def test_a_company_s_program_reads_what_is_the_company_s(
    reader: Engine, engine: Engine, sample: Sample
) -> None:
    ours = program(reader, engine, sample.contractor)
    theirs = program(reader, engine, sample.subcontractor)
    nobody = program(reader, engine, sample.private)

    def names(client: Client, path: str, key: str) -> list[Any]:
        return [item[key] for item in client.get(path).json()["items"]]

    assert names(ours, "/v1/companies", "name") == ["Solvay"]
    assert names(theirs, "/v1/companies", "name") == ["Elektro"]
    assert names(nobody, "/v1/companies", "name") == []
    assert names(ours, "/v1/sites", "name") == ["Quai", "Dock"]
    assert names(theirs, "/v1/sites", "name") == []
    assert names(ours, "/v1/terminals", "device") == sample.devices
    assert names(theirs, "/v1/terminals", "device") == []
    assert len(names(ours, "/v1/registrations", "id")) == 2
    assert names(theirs, "/v1/registrations", "worker") == ["Ann Maes"]
    assert ours.get("/v1/registrations/1").status_code == 200


def test_what_is_others_is_as_what_does_not_exist(
    reader: Engine, engine: Engine, sample: Sample
) -> None:
    theirs = program(reader, engine, sample.subcontractor)
    with engine.begin() as conn:
        others = sample.stranger_taps(conn)
    hidden, absent = (theirs.get(f"/v1/registrations/{n}") for n in (others, 987654))
    assert hidden.status_code == absent.status_code == 404
    assert hidden.json()["detail"].replace(str(others), "N") == absent.json()["detail"].replace(
        "987654", "N"
    )
    answer = theirs.get("/v1/registrations", params={"terminal": sample.devices[0]})
    assert answer.status_code == 404
    assert (
        theirs.get("/v1/registrations", params={"site": sample.sites[0]}).json()["items"][0][
            "worker"
        ]
        == "Ann Maes"
    )


def test_whole_badge_numbers_need_a_right_to_them(
    reader: Engine, engine: Engine, sample: Sample
) -> None:
    for whole, status in ((False, 403), (True, 200)):
        client = program(reader, engine, sample.contractor, whole_badges=whole)
        for path in ("/v1/registrations", "/v1/registrations/1"):
            answer = client.get(path, params={"badge": "full"})
            assert answer.status_code == status
            assert ("0A1B2C3D4E" in answer.text) == (status == 200)


def test_a_cookie_is_no_token(reader: Engine, engine: Engine) -> None:
    from cloud.accounts import service, sessions
    from cloud.console.visits import COOKIE

    with engine.begin() as conn:
        account = service.create(conn, "op@example.be", "Op", operator=True)
        cookie = f"{COOKIE}={sessions.begin(conn, account)}"
    client = Client(create_app(reader, engine), {"cookie": cookie})
    assert client.get("/").status_code == 200
    assert client.get("/v1/registrations").status_code == 401


def test_every_route_needs_the_scope_it_is_described_with(
    reader: Engine, engine: Engine, sample: Sample
) -> None:
    app = create_app(reader, engine)
    paths = Client(app).get("/v1/openapi.json").json()["paths"]
    for operator in (False, True):
        company = None if operator else sample.contractor
        all_scopes = frozenset(Scope) - (scopes.COMPANY_S if operator else scopes.OPERATOR_S)
        for path, methods in paths.items():
            for method, described in methods.items():
                if path.startswith("/v1/app/"):
                    assert ROUTES[method, path].app == (described.get("security") == [APP_TOKEN])
                    continue
                (needed,) = described["security"]
                (scope,) = map(Scope, needed["HTTPBearer"])
                client = program(reader, engine, company, may=all_scopes - {scope}, app=app)
                answer = client.request(method.upper(), path.format(number=1, badge=1, delivery=1))
                assert answer.status_code == 403, (path, method)
                assert scope in answer.headers["www-authenticate"]
                assert sample.devices[0] not in answer.text
