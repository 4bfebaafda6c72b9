import pytest
from sqlalchemy import Connection, func, select

from cloud.accounts import access, queries, service
from cloud.accounts.tables import grants
from cloud.companies import service as companies
from cloud.errors import ConflictError, InvalidError, NotFoundError
from tests.cloud.accounts.conftest import PASSWORD, Ground


def test_who_has_access_and_to_what(conn: Connection, ann: int, ground: Ground) -> None:
    bob = service.create(conn, "bob@example.be", "Bob")
    access.put_membership(conn, ann, ground.ours, "administrator")
    access.put_membership(conn, ann, ground.theirs, "auditor")
    made = access.put_membership(conn, bob, ground.ours, "viewer", external=True)
    access.set_grants(
        conn,
        {"membership_id": made},
        ground.ours,
        division_ids=[ground.division],
        site_ids=[ground.site],
    )
    assert [(row["name"], row["role"]) for row in queries.companies_of(conn, ann)] == [
        ("Elektro", "auditor"),
        ("Solvay", "administrator"),
    ]
    assert [
        (row["email"], row["role"], row["external"], row["granted"])
        for row in queries.members(conn, ground.ours)
    ] == [
        ("ann@example.be", "administrator", False, []),
        ("bob@example.be", "viewer", True, ["Nord", "Nord / Quai"]),
    ]


def test_a_role_is_changed_in_place(conn: Connection, ann: int, ground: Ground) -> None:
    made = access.put_membership(conn, ann, ground.ours, "viewer")
    access.set_grants(conn, {"membership_id": made}, ground.ours, site_ids=[ground.site])
    assert access.put_membership(conn, ann, ground.ours, "manager") == made
    row = access.membership(conn, ann, ground.ours)
    assert row is not None
    assert (row.role, row.external) == ("manager", False)
    assert queries.members(conn, ground.ours)[0]["granted"] == ["Nord / Quai"]


def test_a_company_keeps_an_administrator(conn: Connection, ann: int, ground: Ground) -> None:
    access.put_membership(conn, ann, ground.ours, "administrator")
    for change in (
        lambda: access.put_membership(conn, ann, ground.ours, "viewer"),
        lambda: access.withdraw(conn, ann, ground.ours),
    ):
        with pytest.raises(ConflictError, match="the last administrator of Solvay"):
            change()
    bob = service.create(conn, "bob@example.be", "Bob")
    service.set_password(conn, bob, PASSWORD)
    access.put_membership(conn, bob, ground.ours, "administrator")
    access.withdraw(conn, ann, ground.ours)
    assert access.membership(conn, ann, ground.ours) is None
    with pytest.raises(NotFoundError, match="has no access"):
        access.withdraw(conn, ann, ground.ours)


def test_access_ends_with_all_its_grants(conn: Connection, ann: int, ground: Ground) -> None:
    made = access.put_membership(conn, ann, ground.ours, "viewer")
    access.set_grants(conn, {"membership_id": made}, ground.ours, site_ids=[ground.site])
    access.withdraw(conn, ann, ground.ours)
    assert conn.execute(select(func.count()).select_from(grants)).scalar() == 0


def test_what_is_not_the_company_s_cannot_be_granted(
    conn: Connection, ann: int, ground: Ground
) -> None:
    made = access.put_membership(conn, ann, ground.ours, "viewer")
    with pytest.raises(NotFoundError, match="no such site"):
        access.set_grants(conn, {"membership_id": made}, ground.ours, site_ids=[ground.their_site])
    with pytest.raises(NotFoundError, match="no such division"):
        access.set_grants(conn, {"membership_id": made}, ground.ours, division_ids=[987654])


def test_somebody_external_cannot_reach_everything(
    conn: Connection, ann: int, ground: Ground
) -> None:
    for role in ("administrator", "auditor"):
        with pytest.raises(InvalidError, match=f"someone external cannot be {role}"):
            access.put_membership(conn, ann, ground.ours, role, external=True)
    with pytest.raises(InvalidError, match="'owner' is no role"):
        access.put_membership(conn, ann, ground.ours, "owner")


def test_a_private_company_has_no_members(conn: Connection, ann: int) -> None:
    private = companies.private_companies(conn, ["BE0999910642"])["BE0999910642"]
    for company in (private, 987654):
        with pytest.raises(NotFoundError, match="no such company"):
            access.put_membership(conn, ann, company, "administrator")
