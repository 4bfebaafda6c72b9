"""An alarm stands once, is found again to be cleared, and speaks English where programs read it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, insert, select

from cloud.custody import saying
from cloud.custody.alarms import clear_alarm, raise_alarm
from cloud.custody.saying import What
from cloud.custody.tables import alarms
from cloud.languages.current import spoken
from tests.cloud.sample import Sample


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as conn:
        yield conn


@pytest.fixture
def sample(conn: Connection) -> Sample:
    return Sample(conn)


def standing(conn: Connection) -> list[str]:
    """What the alarms that stand say."""
    rows = conn.execute(select(alarms.c.detail).where(alarms.c.cleared_ms.is_(None)))
    return [saying.told(detail) for detail in rows.scalars()]


def test_the_same_one_stands_once_whoever_speaks_which_language(
    conn: Connection, sample: Sample
) -> None:
    for code in ("en", "fr"):
        with spoken(code):
            raise_alarm(conn, sample.terminals[0], What.GONE, first=1, last=3)
    raise_alarm(conn, sample.terminals[1], What.GONE, first=1, last=3)
    raise_alarm(conn, sample.terminals[0], What.GONE, first=1, last=4)
    assert standing(conn) == [
        "records 1 to 3 are gone for good",
        "records 1 to 3 are gone for good",
        "records 1 to 4 are gone for good",
    ]
    clear_alarm(conn, sample.terminals[0], What.GONE, last=3, first=1)
    assert standing(conn) == [
        "records 1 to 3 are gone for good",
        "records 1 to 4 are gone for good",
    ]


@pytest.mark.parametrize(
    ("what", "values", "before"),
    [
        (What.GONE, {"first": 1, "last": 3}, "records 1 to 3 are gone for good"),
        (
            What.COPY,
            {"epoch": "abababab", "first": 4, "branch": 2},
            (
                "two chains of epoch abababab from seq 4 on, branch 2: a copy of this terminal's"
                " storage is in use, or its key is"
            ),
        ),
    ],
)
def test_one_of_before_alarms_had_languages_is_the_same_one(
    conn: Connection, sample: Sample, what: What, values: dict[str, object], before: str
) -> None:
    here = sample.terminals[0]
    old = {"terminal_id": here, "kind": what.kind, "detail": before, "at_ms": 0}
    conn.execute(insert(alarms).values(**old))
    raise_alarm(conn, here, what, **values)
    assert standing(conn) == [before]
    clear_alarm(conn, here, what, **values)
    assert standing(conn) == []
