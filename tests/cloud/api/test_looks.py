"""Every look of a program at personal data is in the trail, one line each."""

from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from cloud.audit.tables import audit
from tests.cloud.api import test_matrix as matrix
from tests.cloud.api.conftest import program
from tests.cloud.api.matrix import ROUTES
from tests.cloud.api.test_matrix import Things, ask

both = matrix.both
NAMES = ("Maes", "family_name", "given_name")
"""In what says something of somebody."""


@pytest.fixture
def backend() -> str:
    """What is noted does not depend on the database."""
    return "sqlite"


def newest(engine: Engine) -> int:
    with engine.connect() as conn:
        return int(conn.execute(select(func.coalesce(func.max(audit.c.id), 0))).scalar_one())


def lines(engine: Engine, above: int) -> list[Any]:
    with engine.connect() as conn:
        return list(conn.execute(select(audit).where(audit.c.id > above).order_by(audit.c.id)))


@pytest.mark.parametrize("whose", ["company", "operator"])
def test_every_answer_that_says_something_of_somebody_wrote_one_line(
    reader: Engine, engine: Engine, both: tuple[Things, Things], whose: str
) -> None:
    ours, _ = both
    client = program(reader, engine, ours.company if whose == "company" else None)
    told: list[str] = []
    for (method, path), route in ROUTES.items():
        if method != "get":
            continue
        before = newest(engine)
        answer = ask(client, method, path, route, ours)
        if answer.status_code != 200:
            continue
        about = route.subject in ("worker", "left")
        if not about and not any(name in answer.text for name in NAMES):
            continue
        told.append(path)
        noted = lines(engine, before)
        assert len(noted) == 1, f"{path}: {[line.tag for line in noted]}"
        (line,) = noted
        assert line.company_id == (ours.company if whose == "company" else None), path
        assert '"token":' in line.detail, path
        assert not any(name in line.detail for name in NAMES), path
    expected = {"/v1/registrations", "/v1/registrations/{number}"}
    if whose == "company":
        expected |= {
            "/v1/days", "/v1/days/{number}", "/v1/corrections", "/v1/corrections/{number}",
            "/v1/workers", "/v1/workers/{number}", "/v1/workers/{number}/data",
            "/v1/workers/{number}/erasure", "/v1/explain/worker", "/v1/exports/{number}/file",
        }  # fmt: skip
    assert set(told) >= expected


def test_who_follows_what_comes_in_writes_a_line_for_what_came(
    reader: Engine, engine: Engine, both: tuple[Things, Things]
) -> None:
    ours, _ = both
    client = program(reader, engine, ours.company)
    before = newest(engine)
    first = client.get("/v1/registrations?order=oldest").json()
    assert [line.tag for line in lines(engine, before)] == ["api:registration:list"]
    cursor = first["next"] or str(max(item["id"] for item in first["items"]))
    for _ in range(3):
        again = client.get(f"/v1/registrations?order=oldest&cursor={cursor}")
        assert again.json()["items"] == []
    assert len(lines(engine, before)) == 1
