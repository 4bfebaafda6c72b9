"""What somebody is told by mail of what they see."""

from sqlalchemy import Connection, delete, select

from cloud.accounts import access, people, requests, service
from cloud.accounts.people import Part
from cloud.accounts.tables import accounts
from cloud.mail.tables import mails
from tests.cloud.accounts.conftest import Ground


def told(conn: Connection) -> list[tuple[str, str, str]]:
    """Address, subject and body of what was mailed since it was asked last."""
    rows = conn.execute(select(mails.c.address, mails.c.subject, mails.c.body)).all()
    conn.execute(delete(mails))
    return [(row.address, row.subject, row.body) for row in rows]


def test_the_places_are_named_in_the_language_of_the_account(
    conn: Connection, ann: int, ground: Ground
) -> None:
    service.set_language(conn, ann, "nl")
    external = Part("viewer", external=True, sites=frozenset([ground.site]))
    people.add(conn, ground.ours, "ann@example.be", external)
    ((address, subject, body),) = told(conn)
    assert (address, subject) == ("ann@example.be", "Uw toegang tot Solvay")
    assert body.endswith("afdelingen en werven van Solvay:\n\n- Nord / Quai\n")
    # Another company's places are not among them.
    assert "Dock" not in body


def test_each_change_is_told_once(conn: Connection, ann: int, ground: Ground) -> None:
    people.add(conn, ground.ours, "ann@example.be", Part("viewer"))
    service.set_language(conn, ann, "en")
    told(conn)
    number = access.membership(conn, ann, ground.ours)
    assert number is not None
    for part, said in (
        (Part("manager", divisions=frozenset([ground.division])), "\n\n- Nord\n"),
        (Part("auditor"), "You have access to all of Solvay at Pointeuse.\n"),
        (Part("viewer"), "no division or site is granted to you yet"),
    ):
        was = people.shown(conn, people.member_of(conn, ground.ours, number.id))
        assert people.change(conn, ground.ours, number.id, part, was)
        assert not people.change(conn, ground.ours, number.id, part, was)
        ((_, subject, body),) = told(conn)
        assert (subject, said in body) == ("Your access to Solvay", True)
    people.end(conn, ground.ours, number.id)
    ((_, _, body),) = told(conn)
    assert body == "Your access to Solvay at Pointeuse has ended.\n"


def test_whoever_asked_is_told_what_was_given(conn: Connection, ann: int, ground: Ground) -> None:
    boss = service.create(conn, "boss@example.be", "Boss")
    access.put_membership(conn, boss, ground.ours, "administrator")
    conn.execute(accounts.update().where(accounts.c.id == boss).values(password="hash"))
    requests.ask(conn, ann, "BE0403019261")
    assert [address for address, _, _ in told(conn)] == ["boss@example.be"]
    (asked,) = requests.waiting(conn, ground.ours)
    requests.decide(conn, ground.ours, asked["id"], grant=True)
    ((address, _, body),) = told(conn)
    assert (address, "aucun site" in body) == ("ann@example.be", True)
