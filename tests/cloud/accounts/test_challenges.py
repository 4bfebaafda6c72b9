"""Challenges: each is answered once, soon, by whom it was for."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, func, select

from cloud.accounts import challenges, service, tokens
from cloud.accounts.challenges import LIFE_MS, Purpose
from cloud.accounts.tables import passkey_challenges
from cloud.errors import InvalidError
from tests.cloud.accounts.conftest import Clock


@pytest.fixture
def ann(conn: Connection) -> int:
    return service.create(conn, "ann@example.be", "Ann")


@pytest.fixture
def moment(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(challenges, "now_ms", clock)
    return clock


def test_it_is_answered_once(conn: Connection, ann: int, moment: Clock) -> None:
    token = tokens.make()
    challenge = challenges.make(conn, Purpose.SECOND, token, ann)
    assert challenges.take(conn, Purpose.SECOND, token, challenge, ann) == moment.ms
    assert challenges.take(conn, Purpose.SECOND, token, challenge, ann) is None


def test_two_windows_have_one_each(conn: Connection) -> None:
    token = tokens.make()
    first, second = (challenges.make(conn, Purpose.LOGIN, token) for _ in range(2))
    assert first != second
    assert len(first) == 32
    for each in (second, first):
        assert challenges.take(conn, Purpose.LOGIN, token, each) is not None


def test_nobody_else_answers_it_and_nothing_else_is_answered(conn: Connection, ann: int) -> None:
    eve = service.create(conn, "eve@example.be", "Eve")
    token, other = tokens.make(), tokens.make()
    challenge = challenges.make(conn, Purpose.SECOND, token, ann)
    for asked in (
        (Purpose.SECOND, other, challenge, ann),
        (Purpose.SECOND, "x", challenge, ann),
        (Purpose.ADD, token, challenge, ann),
        (Purpose.LOGIN, token, challenge, None),
        (Purpose.SECOND, token, challenge, eve),
        (Purpose.SECOND, token, challenge, None),
        (Purpose.SECOND, token, bytes(32), ann),
        (Purpose.SECOND, token, b"", ann),
    ):
        assert challenges.take(conn, *asked) is None
    anybody = challenges.make(conn, Purpose.LOGIN, token)
    assert challenges.take(conn, Purpose.LOGIN, token, anybody, ann) is None
    assert challenges.take(conn, Purpose.SECOND, token, challenge, ann) is not None


def test_it_ends_by_itself(conn: Connection, moment: Clock) -> None:
    token = tokens.make()
    first = challenges.make(conn, Purpose.LOGIN, token)
    moment.ms += LIFE_MS - 1
    second = challenges.make(conn, Purpose.LOGIN, token)
    assert challenges.take(conn, Purpose.LOGIN, token, first) is not None
    moment.ms += LIFE_MS
    assert challenges.take(conn, Purpose.LOGIN, token, second) is None
    # The next one takes away what nobody answered.
    challenges.make(conn, Purpose.LOGIN, token)
    kept = conn.execute(select(func.count()).select_from(passkey_challenges)).scalar_one()
    assert kept == 1


def test_of_two_answers_at_once_one_counts(engine: Engine) -> None:
    token = tokens.make()
    with engine.begin() as conn:
        challenge = challenges.make(conn, Purpose.LOGIN, token)

    def take(_: int) -> int | None:
        with engine.begin() as conn:
            return challenges.take(conn, Purpose.LOGIN, token, challenge)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(take, range(4)))
    assert len([each for each in found if each is not None]) == 1


def test_what_was_never_a_token_is_refused(conn: Connection) -> None:
    with pytest.raises(InvalidError):
        challenges.make(conn, Purpose.LOGIN, "")
