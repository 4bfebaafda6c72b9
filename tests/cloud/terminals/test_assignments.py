"""Assignments against a model that anybody can check: an array with a cell for each moment."""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select, update

from cloud.companies import service as companies
from cloud.companies.tables import sites as site_table
from cloud.errors import ConflictError, InvalidError
from cloud.registrations.tables import reattribution
from cloud.terminals import queries, service
from cloud.terminals.tables import assignments
from protocol.keys import SigningKey

MOMENTS = 12
"""Moments 0 to 11 are asked about; a piece without an end goes on beyond."""


@dataclass
class Model:
    """Which piece of which site covers each moment, and which piece has no end."""

    cells: list[tuple[int, int] | None] = field(default_factory=lambda: [None] * MOMENTS)
    endless: int | None = None
    pieces: int = 0

    def assign(self, site: int, start: int, end: int | None) -> bool:
        """Whether it was allowed."""
        covering = self.cells[start]
        begins = start == 0 or covering is None or self.cells[start - 1] != covering
        if covering is not None and begins and covering[0] == site:
            until = MOMENTS if self.endless == covering[1] else self._end_of(covering)
            if end is None or (end == until and self.endless != covering[1]):
                return True
        cut = covering is not None and covering[1] == self.endless
        if end is not None:
            in_the_way = {cell for cell in self.cells[start:end] if cell is not None}
            if in_the_way - ({covering} if cut else set()):
                return False
        piece = self.pieces = self.pieces + 1
        if end is None:
            if covering is not None:
                stop = MOMENTS if cut else self._end_of(covering)
            else:
                later = [i for i in range(start, MOMENTS) if self.cells[i] is not None]
                stop = later[0] if later else MOMENTS
            endless = cut or (covering is None and stop == MOMENTS)
        else:
            stop, endless = end, False
        if cut:
            self.cells[start:] = [None] * (MOMENTS - start)
            self.endless = None
        if endless:
            self.endless = piece
        self.cells[start:stop] = [(site, piece)] * (stop - start)
        return True

    def _end_of(self, covering: tuple[int, int]) -> int:
        return max(i for i in range(MOMENTS) if self.cells[i] == covering) + 1


@pytest.fixture
def sites(engine: Engine) -> list[int]:
    with engine.begin() as conn:
        division = companies.put_division(
            conn, companies.register(conn, "BE0403019261", "Solvay"), "Nord"
        )
        return [companies.put_site(conn, division, f"Site {n}") for n in range(3)]


def new_terminal(conn: Connection) -> int:
    return service.register(conn, SigningKey.generate().public)


steps = st.tuples(
    st.integers(0, 2), st.integers(0, MOMENTS - 1), st.none() | st.integers(1, MOMENTS - 1)
).filter(lambda step: step[2] is None or step[2] > step[1])


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example([(0, 5, None), (1, 2, 5)])
@example([(0, 2, 5), (1, 5, 8)])
@given(st.lists(steps, max_size=8))
def test_attribution_at_every_moment_equals_the_model(
    engine: Engine, sites: list[int], script: list[tuple[int, int, int | None]]
) -> None:
    model = Model()
    with engine.begin() as conn:
        terminal = new_terminal(conn)
        for site, start, end in script:
            allowed = model.assign(site, start, end)
            try:
                service.assign(conn, terminal, sites[site], start, end)
            except ConflictError:
                assert not allowed
            else:
                assert allowed
            found = [queries.site_at(conn, terminal, moment) for moment in range(MOMENTS)]
            assert found == [cell and sites[cell[0]] for cell in model.cells]
        _no_overlap(conn, terminal)


def _no_overlap(conn: Connection, terminal: int) -> None:
    rows = conn.execute(
        select(assignments.c.from_ms, assignments.c.to_ms)
        .where(assignments.c.terminal_id == terminal)
        .order_by(assignments.c.from_ms)
    ).all()
    for before, after in pairwise(rows):
        assert before.to_ms is not None
        assert before.to_ms <= after.from_ms


class TestAsking:
    def test_every_change_asks_for_attribution_again(
        self, engine: Engine, sites: list[int]
    ) -> None:
        with engine.begin() as conn:
            terminal = new_terminal(conn)
            service.assign(conn, terminal, sites[0], 1000)
            service.assign(conn, terminal, sites[0], 1000)
            service.assign(conn, terminal, sites[1], 5000)
            service.release(conn, terminal, 9000)
            rows = conn.execute(select(reattribution).order_by(reattribution.c.id)).all()
            assert [(row.terminal_id, row.badge_id, row.from_ms) for row in rows] == [
                (terminal, None, 1000),
                (terminal, None, 5000),
                (terminal, None, 9000),
            ]

    def test_a_period_that_ends_before_it_begins(self, engine: Engine, sites: list[int]) -> None:
        with engine.begin() as conn, pytest.raises(InvalidError, match="before it begins"):
            service.assign(conn, new_terminal(conn), sites[0], 5000, 5000)

    def test_a_closed_site_takes_what_stood_there_before(
        self, engine: Engine, sites: list[int]
    ) -> None:
        with engine.begin() as conn:
            here = site_table.c.id == sites[0]
            conn.execute(update(site_table).where(here).values(closed_ms=5000))
            terminal = new_terminal(conn)
            for end in (None, 5001):
                with pytest.raises(ConflictError, match="the site closed at"):
                    service.assign(conn, terminal, sites[0], 1000, end)
            assert queries.site_at(conn, terminal, 2000) is None
            service.assign(conn, terminal, sites[0], 1000, 5000)
            assert queries.site_at(conn, terminal, 4999) == sites[0]

    def test_releasing(self, engine: Engine, sites: list[int]) -> None:
        with engine.begin() as conn:
            terminal = new_terminal(conn)
            with pytest.raises(ConflictError, match="assigned to no site"):
                service.release(conn, terminal, 5000)
            service.assign(conn, terminal, sites[0], 1000)
            service.release(conn, terminal, 5000)
            assert queries.site_at(conn, terminal, 4999) == sites[0]
            assert queries.site_at(conn, terminal, 5000) is None
            with pytest.raises(ConflictError, match="assigned to no site"):
                service.release(conn, terminal, 5000)

    def test_the_list_shows_where_each_stands_now(self, engine: Engine, sites: list[int]) -> None:
        with engine.begin() as conn:
            placed, loose = new_terminal(conn), new_terminal(conn)
            service.assign(conn, placed, sites[0], 0)
            service.assign(conn, placed, sites[2], 1000)
            rows = {row["id"]: row for row in queries.listed(conn)}
            assert rows[placed]["site"] == "Site 2"
            assert rows[placed]["company"] == "Solvay"
            assert rows[loose]["site"] is None
