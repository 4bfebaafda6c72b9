import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from cloud.companies import service as companies
from cloud.errors import InvalidError, NotFoundError
from cloud.registrations.tables import reattribution
from cloud.workers import queries, service
from cloud.workers.tables import badges, workers


@pytest.fixture
def company(engine: Engine) -> int:
    with engine.begin() as conn:
        return companies.register(conn, "BE0403019261", "Solvay")


def test_a_number_is_one_worker_of_a_company(engine: Engine, company: int) -> None:
    with engine.begin() as conn:
        made = service.put_worker(conn, company, "7", "Ann", "Maes")
        assert service.put_worker(conn, company, " 7 ", "Anne", "Maes") == made
        elsewhere = companies.register(conn, "BE0999910543", "Other")
        assert service.put_worker(conn, elsewhere, "7", "Bob", "Thys") != made
        assert [row["given_name"] for row in queries.listed(conn, company)] == ["Anne"]
        assert queries.worker_id(conn, company, "7") == made
        with pytest.raises(NotFoundError, match="no worker '8'"):
            queries.worker_id(conn, company, "8")


def test_linking_asks_for_attribution_again_once(engine: Engine, company: int) -> None:
    with engine.begin() as conn:
        worker = service.put_worker(conn, company, "7", "Ann", "Maes")
        badge = service.put_badge(conn, "em4100", "0a:1b 2c")
        service.link_badge(conn, badge, worker)
        service.link_badge(conn, badge, worker)
        row = conn.execute(select(badges)).one()
        assert (row.profile, row.number, row.worker_id) == ("em4100", "0A1B2C", worker)
        asked = conn.execute(select(reattribution)).all()
        assert [(row.badge_id, row.terminal_id, row.from_ms) for row in asked] == [
            (badge, None, None)
        ]
        service.link_badge(conn, badge, None)
        whys = conn.execute(select(reattribution.c.why).order_by(reattribution.c.id)).scalars()
        assert list(whys) == ["the badge was linked to a worker", "the badge was unlinked"]


def test_becoming_inactive_asks_for_attribution_again(engine: Engine, company: int) -> None:
    with engine.begin() as conn:
        worker = service.put_worker(conn, company, "7", "Ann", "Maes")
        for number in ("1", "2"):
            service.link_badge(conn, service.put_badge(conn, "uid", number), worker)
        conn.execute(reattribution.delete())
        service.put_worker(conn, company, "7", "Ann", "Maes")
        assert conn.execute(select(reattribution)).all() == []
        service.put_worker(conn, company, "7", "Ann", "Maes", active=False)
        assert len(conn.execute(select(reattribution)).all()) == 2
        assert conn.execute(select(workers.c.active)).scalar() is False


def test_a_badge_may_name_its_employer(engine: Engine) -> None:
    with engine.begin() as conn:
        service.put_badge(conn, "printed", "123", employer="0403.019.261")
        assert conn.execute(select(badges.c.employer_vat)).scalar() == "BE0403019261"


@given(st.text(), st.text())
def test_numbers_are_normal_or_refused(profile: str, number: str) -> None:
    try:
        kind, tidy = service.normalise(profile, number)
    except InvalidError:
        return
    assert service.normalise(kind, tidy) == (kind, tidy)


def test_a_refused_number_is_not_shown_whole() -> None:
    with pytest.raises(InvalidError, match="'…/567' is not") as error:
        service.normalise("uid", "1234/567")
    assert "1234" not in str(error.value)


@pytest.mark.parametrize(
    ("profile", "number"), [("", "1"), ("uid", ""), ("uid", "12/34"), ("x" * 40, "1"), ("uid", "é")]
)
def test_refused(profile: str, number: str) -> None:
    with pytest.raises(InvalidError):
        service.normalise(profile, number)
