import pytest
from sqlalchemy import Engine, delete, text, update
from sqlalchemy.exc import DBAPIError

from cloud.accounts import service as accounts
from cloud.audit import queries
from cloud.audit.service import OPERATOR, Actor, note
from cloud.audit.tables import audit
from cloud.companies import service as companies
from cloud.errors import InvalidError


def test_the_trail_says_who_did_what_from_where(engine: Engine) -> None:
    with engine.begin() as conn:
        ann = accounts.create(conn, "ann@example.be", "Ann")
        company = companies.register(conn, "BE0403019261", "Solvay")
        note(conn, OPERATOR, "company", "create", company_id=company, target_id=company)
        actor = Actor("console", ann, "192.0.2.7")
        note(conn, actor, "worker", "look", company_id=company, target_id=9, detail={"n": 1})
        note(conn, actor, "account", "log-in")
        rows = queries.listed(conn, company_id=company)
        assert [
            (row["who"], row["tag"], row["target"], row["detail"], row["address"]) for row in rows
        ] == [
            ("ann@example.be", "console:worker:look", 9, {"n": 1}, "192.0.2.7"),
            ("operator", "command:company:create", company, {}, None),
        ]
        assert len(queries.listed(conn)) == 3
        assert [row["tag"] for row in queries.listed(conn, before=rows[0]["id"])] == [
            "command:company:create"
        ]


def test_who_has_no_account_is_told_apart(engine: Engine) -> None:
    with engine.begin() as conn:
        for actor in (OPERATOR, Actor("api", token_id=3), Actor("api", app_id=5), Actor("api")):
            note(conn, actor, "day", "read")
        # What an account did to an app was not done by the app.
        ann = accounts.create(conn, "ann@example.be", "Ann")
        note(conn, Actor("console", ann), "app", "revoke", detail={"app": 5})
        note(conn, OPERATOR, "app", "revoke", detail={"app": 5})
        told = [(row["who"], row["detail"]) for row in queries.listed(conn)]
    assert told[::-1] == [
        ("operator", {}), ("token 3", {"token": 3}), ("app 5", {"app": 5}), ("operator", {}),
        ("ann@example.be", {"app": 5}), ("operator", {"app": 5}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "subject", "action"),
    [
        ("mail", "worker", "create"),
        ("console", "Worker", "x"),
        ("api", "a:b", "c"),
        ("api", "", "c"),
    ],
)
def test_a_tag_is_three_words(engine: Engine, source: str, subject: str, action: str) -> None:
    with engine.begin() as conn, pytest.raises(InvalidError, match="is no tag of the trail"):
        note(conn, Actor(source), subject, action)


def test_the_database_refuses_to_change_the_trail(engine: Engine) -> None:
    with engine.begin() as conn:
        note(conn, OPERATOR, "company", "create")
    for statement in (update(audit).values(tag="x"), delete(audit)):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as conn:
            conn.execute(statement)
    if engine.dialect.name == "postgresql":
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as conn:
            conn.execute(text("TRUNCATE audit"))
    with engine.begin() as conn:
        assert len(queries.listed(conn)) == 1
