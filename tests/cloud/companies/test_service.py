import pytest
from sqlalchemy import Engine, func, select

from cloud.companies import queries, service
from cloud.companies.tables import companies, divisions, sites
from cloud.errors import ConflictError, InvalidError, NotFoundError

VAT = "BE0403019261"
OTHER = "BE0999910543"


def test_a_company_is_registered_once(engine: Engine) -> None:
    with engine.begin() as conn:
        made = service.register(conn, "0403.019.261", "Solvay")
        with pytest.raises(ConflictError, match=r"BE 0403.019.261 is registered already"):
            service.register(conn, "BE 403 019 261", "Somebody else")
        assert queries.company_id(conn, "be0403019261") == made
        assert queries.company_id(conn, " Solvay ") == made


def test_a_private_company_is_never_found_by_looking(engine: Engine) -> None:
    with engine.begin() as conn:
        service.private_companies(conn, [VAT])
        assert queries.listed(conn) == []
        for text in (VAT, "BE 0403.019.261"):
            with pytest.raises(NotFoundError):
                queries.company_id(conn, text)


def test_a_private_company_becomes_the_real_one(engine: Engine) -> None:
    with engine.begin() as conn:
        private = service.private_companies(conn, [VAT, OTHER])
        assert service.register(conn, VAT, "Solvay") == private[VAT]
        rows = conn.execute(select(companies).order_by(companies.c.vat)).all()
        assert [(row.vat, row.name, row.private) for row in rows] == [
            (VAT, "Solvay", False),
            (OTHER, "BE 0999.910.543", True),
        ]
        # Met again on a badge, both stay what they are.
        assert service.private_companies(conn, [VAT, OTHER, VAT]) == private
        assert conn.execute(select(func.count()).select_from(companies)).scalar() == 2


def test_many_private_companies_at_once(engine: Engine) -> None:
    numbers = [f"BE{n:08}{97 - n % 97:02}" for n in range(1, 2500)]
    with engine.begin() as conn:
        first = service.private_companies(conn, numbers[:1500])
        everything = service.private_companies(conn, numbers)
    assert len(set(everything.values())) == len(numbers)
    assert first.items() <= everything.items()


def test_putting_a_company_again_renames_it(engine: Engine) -> None:
    with engine.begin() as conn:
        made = service.put_company(conn, VAT, "Solvay")
        assert service.put_company(conn, VAT, "Solvay NV") == made
        assert [row["name"] for row in queries.listed(conn)] == ["Solvay NV"]


def test_sites_are_found_by_the_names_on_the_way(engine: Engine) -> None:
    with engine.begin() as conn:
        company = service.register(conn, VAT, "Solvay")
        division = service.put_division(conn, company, "Nord")
        site = service.put_site(conn, division, "Quai  1", address="Quai 1, 4000 Liège")
        assert queries.site_id(conn, "Solvay", "Nord", "Quai 1") == site
        with pytest.raises(NotFoundError, match="no company 'Umicore'"):
            queries.site_id(conn, "Umicore", "Nord", "Quai 1")
        with pytest.raises(NotFoundError, match="no division 'Sud'"):
            queries.site_id(conn, "Solvay", "Sud", "Quai 1")
        with pytest.raises(NotFoundError, match="no site 'Quai 2'"):
            queries.site_id(conn, "Solvay", "Nord", "Quai 2")


def test_putting_a_site_again_changes_what_is_given(engine: Engine) -> None:
    with engine.begin() as conn:
        division = service.put_division(conn, service.register(conn, VAT, "Solvay"), "Nord")
        assert division == service.put_division(conn, 1, "Nord")
        site = service.put_site(conn, division, "Quai", address="Liège")
        assert service.put_site(conn, division, "Quai", workplace_id="abcdefgh12345") == site
        row = conn.execute(select(sites)).one()
        assert (row.address, row.workplace_id) == ("Liège", "ABCDEFGH12345")
        assert conn.execute(select(func.count()).select_from(divisions)).scalar() == 1


@pytest.mark.parametrize(
    "workplace_id", ["short", "ABCDEFGHI1234", "ABCDEFGHO1234", "ABC DEFGH1234"]
)
def test_workplace_ids_are_checked(engine: Engine, workplace_id: str) -> None:
    with engine.begin() as conn, pytest.raises(InvalidError, match="workplace id"):
        service.put_site(conn, 1, "Quai", workplace_id=workplace_id)


def test_two_companies_of_one_name_are_told_apart_by_number(engine: Engine) -> None:
    with engine.begin() as conn:
        service.register(conn, VAT, "Janssens")
        second = service.register(conn, OTHER, "Janssens")
        with pytest.raises(ConflictError, match="give the VAT number"):
            queries.company_id(conn, "Janssens")
        assert queries.company_id(conn, OTHER) == second


def test_pages(engine: Engine) -> None:
    with engine.begin() as conn:
        ids = [service.register(conn, f"{n:08}{97 - n % 97:02}", f"C{n}") for n in range(1, 6)]
        assert [row["id"] for row in queries.listed(conn, limit=2)] == ids[:2]
        assert [row["id"] for row in queries.listed(conn, after=ids[1], limit=9)] == ids[2:]
