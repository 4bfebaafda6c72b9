"""A company is entered once, and one that was met on a badge is not entered over."""

from sqlalchemy import Engine, select

from cloud.companies import service
from cloud.companies.tables import companies


def test_only_what_was_never_met_is_entered(engine: Engine) -> None:
    with engine.begin() as conn:
        private = service.private_companies(conn, ["BE0999910642"])["BE0999910642"]
        made = service.enter(conn, "BE 0403.019.261", " Solvay ")
        assert made is not None
        assert service.enter(conn, "BE0403019261", "Other") is None
        assert service.enter(conn, "BE0999910642", "Dakwerken") is None
        rows = conn.execute(select(companies).order_by(companies.c.id)).all()
    assert [(row.id, row.private, row.name) for row in rows] == [
        (private, True, "BE 0999.910.642"), (made, False, "Solvay"),
    ]  # fmt: skip
