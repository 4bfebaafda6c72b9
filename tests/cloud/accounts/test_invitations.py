import pytest
from sqlalchemy import Connection, select

from cloud.accounts import access, invitations, queries, service, tables
from cloud.errors import ConflictError, InvalidError, NotFoundError
from tests.cloud.accounts.conftest import Clock, Ground


def test_an_invitation_gives_what_it_offers_once(
    conn: Connection, ann: int, ground: Ground
) -> None:
    token = invitations.invite(
        conn, ground.ours, "ANN@example.be", "viewer", external=True, site_ids=[ground.site]
    )
    assert token not in repr(conn.execute(select(tables.invitations)).all())
    assert invitations.look(conn, token).role == "viewer"
    assert invitations.accept(conn, token, ann) == ground.ours
    assert queries.members(conn, ground.ours)[0]["granted"] == ["Nord / Quai"]
    assert access.membership(conn, ann, ground.ours).external  # type: ignore[union-attr]
    access.put_membership(
        conn, service.create(conn, "eve@example.be", "Eve"), ground.ours, "administrator"
    )
    access.withdraw(conn, ann, ground.ours)
    with pytest.raises(NotFoundError, match="was used, withdrawn or has expired"):
        invitations.accept(conn, token, ann)


def test_only_the_address_that_was_invited_may_accept(
    conn: Connection, ann: int, ground: Ground
) -> None:
    token = invitations.invite(conn, ground.ours, "bob@example.be", "manager")
    with pytest.raises(ConflictError, match=r"is for bob@example\.be"):
        invitations.accept(conn, token, ann)
    bob = service.create(conn, "bob@example.be", "Bob")
    assert invitations.accept(conn, token, bob) == ground.ours


def test_an_invitation_expires(conn: Connection, ann: int, ground: Ground, clock: Clock) -> None:
    token = invitations.invite(conn, ground.ours, "ann@example.be", "viewer")
    clock.ms += invitations.LIFE_MS - 1
    invitations.look(conn, token)
    clock.ms += 1
    with pytest.raises(NotFoundError, match="has expired; ask for a new one"):
        invitations.accept(conn, token, ann)


def test_a_second_invitation_takes_the_place_of_the_first(
    conn: Connection, ann: int, ground: Ground
) -> None:
    first = invitations.invite(conn, ground.ours, "ann@example.be", "viewer")
    second = invitations.invite(conn, ground.ours, "ann@example.be", "manager")
    elsewhere = invitations.invite(conn, ground.theirs, "ann@example.be", "viewer")
    with pytest.raises(NotFoundError):
        invitations.look(conn, first)
    invitations.withdraw(conn, ground.theirs, "ann@example.be")
    with pytest.raises(NotFoundError):
        invitations.look(conn, elsewhere)
    with pytest.raises(NotFoundError, match=r"no invitation of ann@example\.be is open"):
        invitations.withdraw(conn, ground.theirs, "ann@example.be")
    assert invitations.accept(conn, second, ann) == ground.ours


def test_who_has_access_already_keeps_it_as_it_is(
    conn: Connection, ann: int, ground: Ground
) -> None:
    access.put_membership(conn, ann, ground.ours, "administrator")
    token = invitations.invite(conn, ground.ours, "ann@example.be", "viewer")
    with pytest.raises(ConflictError, match="access to this company already"):
        invitations.accept(conn, token, ann)
    assert access.membership(conn, ann, ground.ours).role == "administrator"  # type: ignore[union-attr]


def test_a_company_cannot_be_made_a_mail_cannon(
    conn: Connection, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "OPEN_AT_ONCE", 3)
    for number in range(3):
        invitations.invite(conn, ground.ours, f"w{number}@example.be", "viewer")
    with pytest.raises(ConflictError, match="3 invitations of the company are open"):
        invitations.invite(conn, ground.ours, "w4@example.be", "viewer")
    invitations.invite(conn, ground.ours, "w2@example.be", "viewer")
    invitations.invite(conn, ground.theirs, "w4@example.be", "viewer")


def test_withdrawing_makes_no_place_for_more_mail(
    conn: Connection, ground: Ground, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "SENT_A_DAY", 4)
    monkeypatch.setattr(invitations, "TO_ONE_A_DAY", 2)
    for number in range(2):
        invitations.invite(conn, ground.ours, "w@example.be", "viewer")
        if number:
            invitations.withdraw(conn, ground.ours, "w@example.be")
    with pytest.raises(ConflictError, match=r"w@example\.be was invited 2 times within a day"):
        invitations.invite(conn, ground.ours, "W@example.be", "viewer")
    for number in range(2):
        invitations.invite(conn, ground.ours, f"w{number}@example.be", "viewer")
        invitations.withdraw(conn, ground.ours, f"w{number}@example.be")
    with pytest.raises(ConflictError, match="sent 4 invitations within a day"):
        invitations.invite(conn, ground.ours, "w9@example.be", "viewer")
    invitations.invite(conn, ground.theirs, "w9@example.be", "viewer")
    clock.ms += invitations.DAY_MS
    invitations.invite(conn, ground.ours, "w@example.be", "viewer")


def test_what_cannot_be_offered_is_not(conn: Connection, ground: Ground) -> None:
    with pytest.raises(InvalidError, match="someone external cannot be administrator"):
        invitations.invite(conn, ground.ours, "a@example.be", "administrator", external=True)
    with pytest.raises(NotFoundError, match="no such site"):
        invitations.invite(
            conn, ground.ours, "a@example.be", "viewer", site_ids=[ground.their_site]
        )
    for token in ("", "x", "é" * 43):
        with pytest.raises(InvalidError, match="not whole"):
            invitations.look(conn, token)
    with pytest.raises(NotFoundError):
        invitations.look(conn, "A" * 43)
