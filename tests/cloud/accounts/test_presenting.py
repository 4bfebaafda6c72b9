"""Passkeys that are shown: whom they let in, and all those they do not."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select, update

from cloud.accounts import (
    ceremonies,
    challenges,
    passkeys,
    presenting,
    second,
    service,
    sessions,
    telling,
    tokens,
)
from cloud.accounts.challenges import Purpose
from cloud.accounts.party import Party
from cloud.accounts.passkeys import MOST
from cloud.accounts.presenting import Shown
from cloud.accounts.tables import accounts
from cloud.accounts.tables import passkeys as kept
from cloud.errors import ConflictError, InvalidError, NotFoundError
from cloud.mail.tables import mails
from tests.cloud.accounts.conftest import Clock
from tests.cloud.authenticator import ELIGIBLE, ORIGIN, PRESENT, VERIFIED, Authenticator, Kept

HERE = Party("localhost", ORIGIN)


class Person:
    """An account with a passkey, and a browser that was asked for one."""

    def __init__(self, engine: Engine, name: str, *, count: int = 0) -> None:
        self.engine, self.token = engine, tokens.make()
        self.device = Authenticator(count=count)
        with engine.begin() as conn:
            self.id = service.create(conn, f"{name}@example.be", name, language="en")
            self.passkey = self.add(conn, self.device)

    @property
    def key(self) -> Kept:
        return self.device.kept[0]

    def add(self, conn: Connection, device: Authenticator, **wrong: Any) -> int:
        handle = passkeys.handle(conn, self.id)
        holder = ceremonies.Holder(handle, "ann@example.be", "Ann")
        asked = ceremonies.creation(HERE, holder, bytes(32), [])
        made = ceremonies.Creation(device.make(asked, **wrong)).made(HERE, bytes(32))
        return passkeys.add(conn, self.id, HERE.id, "Telephone", made)

    def asked(self, purpose: Purpose = Purpose.LOGIN) -> str:
        account = self.id if purpose is Purpose.SECOND else None
        with self.engine.begin() as conn:
            challenge = challenges.make(conn, purpose, self.token, account)
        return ceremonies.request(HERE, challenge)

    def shows(self, answer: str, purpose: Purpose = Purpose.LOGIN, token: str = "") -> Shown:
        account = self.id if purpose is Purpose.SECOND else None
        with self.engine.begin() as conn:
            return presenting.show(conn, HERE, answer, purpose, token or self.token, account)

    def row(self) -> Any:
        with self.engine.connect() as conn:
            return conn.execute(select(kept).where(kept.c.id == self.passkey)).one()

    def failures(self) -> int:
        with self.engine.connect() as conn:
            query = select(accounts.c.failures).where(accounts.c.id == self.id)
            return int(conn.execute(query).scalar_one())

    def lasts(self, token: str) -> bool:
        with self.engine.connect() as conn:
            return sessions.resume(conn, token) is not None


@pytest.fixture
def moment(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Clock:
    for module in (challenges, passkeys, presenting):
        monkeypatch.setattr(module, "now_ms", clock)
    return clock


@pytest.fixture
def ann(engine: Engine) -> Person:
    return Person(engine, "ann")


@pytest.fixture
def eve(engine: Engine) -> Person:
    return Person(engine, "eve")


BOTH = pytest.mark.parametrize("purpose", [Purpose.LOGIN, Purpose.SECOND])


@BOTH
def test_the_right_one_lets_in_and_is_noted(ann: Person, purpose: Purpose, moment: Clock) -> None:
    with ann.engine.begin() as conn:
        conn.execute(update(accounts).values(failures=3))
    shown = ann.shows(ann.key.answer(ann.asked(purpose)), purpose)
    assert (shown.why, shown.account, shown.passkey) == ("", ann.id, ann.passkey)
    assert (ann.row().used_ms, ann.failures()) == (moment.ms, 0)


@BOTH
@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "http://localhost:8000"},
        {"origin": "https://evil.example"},
        {"rp_id": "evil.example"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"flags": PRESENT | VERIFIED | ELIGIBLE},
        {"crossOrigin": True},
        {"tampered": True},
        {"handle": b"somebody else's"},
    ],
    ids=str,
)
def test_one_thing_wrong_and_it_does_not(
    ann: Person, purpose: Purpose, wrong: dict[str, Any]
) -> None:
    shown = ann.shows(ann.key.answer(ann.asked(purpose), **wrong), purpose)
    assert (shown.why, shown.account) == ("wrong", ann.id)
    assert (ann.row().used_ms, ann.failures()) == (None, 1)
    assert ann.shows(ann.key.answer(ann.asked(purpose)), purpose).why == ""


def test_alone_it_has_to_say_whose_it_is_beside_a_password_it_need_not(ann: Person) -> None:
    nameless = ann.key.answer(ann.asked(), nameless=True)
    assert ann.shows(nameless).why == "wrong"
    nameless = ann.key.answer(ann.asked(Purpose.SECOND), nameless=True)
    assert ann.shows(nameless, Purpose.SECOND).why == ""


@BOTH
def test_an_answer_counts_once(ann: Person, purpose: Purpose) -> None:
    answer = ann.key.answer(ann.asked(purpose))
    assert ann.shows(answer, purpose).why == ""
    assert ann.shows(answer, purpose).why == "challenge"
    # Also when it was wrong the first time: the challenge is used up.
    asked = ann.asked(purpose)
    assert ann.shows(ann.key.answer(asked, tampered=True), purpose).why == "wrong"
    assert ann.shows(ann.key.answer(asked), purpose).why == "challenge"


def test_of_one_answer_sent_twice_at_once_one_counts(ann: Person) -> None:
    answer = ann.key.answer(ann.asked())
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: ann.shows(answer).why, range(4)))
    assert sorted(found) == ["", "challenge", "challenge", "challenge"]


def test_nobody_answers_for_another_browser_or_another_purpose(ann: Person, eve: Person) -> None:
    answer = ann.key.answer(ann.asked())
    assert ann.shows(answer, token=eve.token).why == "challenge"
    assert ann.shows(answer, Purpose.SECOND).why == "challenge"
    second_answer = ann.key.answer(ann.asked(Purpose.SECOND))
    assert ann.shows(second_answer).why == "challenge"
    # What the other one's browser was asked is not answered by this one either.
    assert eve.shows(ann.key.answer(ann.asked(Purpose.SECOND)), Purpose.SECOND).why == "challenge"
    assert ann.shows(answer).why == ""


def test_another_account_s_passkey_is_no_second_factor(ann: Person, eve: Person) -> None:
    shown = ann.shows(eve.key.answer(ann.asked(Purpose.SECOND)), Purpose.SECOND)
    assert (shown.why, shown.account) == ("wrong", ann.id)
    assert (ann.failures(), eve.failures()) == (1, 0)
    # Nor when it says that it were hers.
    forged = eve.key.answer(ann.asked(Purpose.SECOND), handle=ann.key.handle)
    assert ann.shows(forged, Purpose.SECOND).why == "wrong"
    assert eve.row().used_ms is None


def test_a_passkey_that_nobody_has_is_judged_all_the_same(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[bytes] = []
    holds = ceremonies.Assertion.holds

    def counted(said: Any, party: Party, challenge: bytes, key: bytes) -> bool:
        judged.append(key)
        return holds(said, party, challenge, key)

    monkeypatch.setattr(ceremonies.Assertion, "holds", counted)
    stranger = Kept(b"of nobody", ann.key.key, ann.key.handle)
    shown = ann.shows(stranger.answer(ann.asked()))
    assert (shown.why, shown.account, shown.passkey) == ("unknown", None, None)
    asked = ann.asked(Purpose.SECOND)
    assert ann.shows(stranger.answer(asked), Purpose.SECOND).why == "wrong"
    ann.shows(ann.key.answer(ann.asked()))
    assert len(judged) == 3
    assert judged[0] == judged[1] != judged[2]


@pytest.mark.parametrize("answer", ["", "{}", "null", "[]", json.dumps({"id": "x"})])
def test_what_is_no_answer_lets_nobody_in(ann: Person, answer: str) -> None:
    assert ann.shows(answer).why == "unreadable"
    assert ann.failures() == 0


@BOTH
def test_an_account_that_is_barred_is_not_let_in(ann: Person, purpose: Purpose) -> None:
    with ann.engine.begin() as conn:
        service.disable(conn, ann.id)
    assert ann.shows(ann.key.answer(ann.asked(purpose)), purpose).why == "locked"
    with ann.engine.begin() as conn:
        service.disable(conn, ann.id, disabled=False)
    assert ann.shows(ann.key.answer(ann.asked(purpose)), purpose).why == ""


@BOTH
def test_wrong_ones_lock_and_the_right_one_does_not_help(
    ann: Person, purpose: Purpose, moment: Clock
) -> None:
    for _ in range(service.FREE_FAILURES + 1):
        assert ann.shows(ann.key.answer(ann.asked(purpose), tampered=True), purpose).why == "wrong"
    assert ann.shows(ann.key.answer(ann.asked(purpose)), purpose).why == "locked"
    moment.ms += service.LOCK_MS
    assert ann.shows(ann.key.answer(ann.asked(purpose)), purpose).why == ""


@BOTH
@pytest.mark.parametrize("count", [7, 6, 1, 0])
def test_a_count_that_goes_back_stops_the_passkey_for_good(
    engine: Engine, purpose: Purpose, count: int, moment: Clock
) -> None:
    ann = Person(engine, "ann", count=6)
    with engine.begin() as conn:
        session, half = sessions.begin(conn, ann.id), sessions.begin_half(conn, ann.id)
    assert ann.shows(ann.key.answer(ann.asked(purpose)), purpose).why == ""
    assert ann.row().sign_count == 7
    moment.ms += 1
    shown = ann.shows(ann.key.answer(ann.asked(purpose), count=count), purpose)
    assert (shown.why, shown.stopped, shown.account) == ("copied", True, ann.id)
    assert (ann.row().stopped_ms, ann.row().sign_count) == (moment.ms, 7)
    assert not ann.lasts(session)
    with engine.connect() as conn:
        assert sessions.half(conn, half) is None
        mailed = conn.execute(select(mails.c.subject)).scalars().all()
    assert mailed == [f"Pointeuse: {telling.PASSKEY_STOPPED}"]
    # Whether it was the copy that went on, nobody knows.
    moment.ms += 1
    assert ann.shows(ann.key.answer(ann.asked(purpose), count=99), purpose).why == "stopped"
    with engine.connect() as conn:
        assert passkeys.credentials(conn, ann.id, HERE.id, working=True) == []
        assert second.is_asked(conn, ann.id), "the password alone does not do instead"


def test_a_wrong_signature_with_an_old_count_stops_nothing(engine: Engine) -> None:
    ann = Person(engine, "ann", count=6)
    assert ann.shows(ann.key.answer(ann.asked(), count=2, tampered=True)).why == "wrong"
    assert ann.row().stopped_ms is None


def test_an_answer_that_another_overtook_is_refused_and_no_more(
    engine: Engine, moment: Clock
) -> None:
    ann = Person(engine, "ann", count=6)
    first, other = ann.asked(), ann.asked()
    earlier, later = ann.key.answer(first), ann.key.answer(other)
    moment.ms += 1000
    assert ann.shows(later).why == ""
    assert ann.shows(earlier).why == "overtaken"
    assert ann.row().stopped_ms is None
    moment.ms += 1
    assert ann.shows(ann.key.answer(ann.asked())).why == ""


def test_a_device_that_does_not_count_is_let_in_again_and_again(ann: Person) -> None:
    for _ in range(3):
        assert ann.shows(ann.key.answer(ann.asked(), count=0)).why == ""


def test_one_that_was_removed_lets_nobody_in(ann: Person, eve: Person) -> None:
    with ann.engine.begin() as conn:
        assert not passkeys.take_away(conn, eve.id, ann.passkey)
        with pytest.raises(NotFoundError):
            passkeys.named(conn, eve.id, ann.passkey)
        assert passkeys.named(conn, ann.id, ann.passkey) == "Telephone"
        assert passkeys.take_away(conn, ann.id, ann.passkey)
        assert not second.is_asked(conn, ann.id)
    assert ann.shows(ann.key.answer(ann.asked())).why == "unknown"


def test_one_made_for_another_name_lets_nobody_in(ann: Person) -> None:
    elsewhere = Party("pointeuse.example.be", "https://pointeuse.example.be")
    answer = ann.key.answer(ann.asked(), origin=elsewhere.origin)
    with ann.engine.begin() as conn:
        shown = presenting.show(conn, elsewhere, answer, Purpose.LOGIN, ann.token)
        assert shown.why == "wrong"
        assert passkeys.credentials(conn, ann.id, elsewhere.id) == []


def test_an_account_keeps_several_of_one_handle(ann: Person, eve: Person) -> None:
    with ann.engine.begin() as conn:
        other = ann.add(conn, Authenticator())
        rows = passkeys.of(conn, ann.id)
        assert [row["id"] for row in rows] == [ann.passkey, other]
        handle = passkeys.handle(conn, ann.id)
        assert len(handle) == 64
        assert handle == ann.key.handle
        assert handle != passkeys.handle(conn, eve.id)
        assert len(passkeys.credentials(conn, ann.id, HERE.id)) == 2


def test_one_is_added_once_by_whomever(ann: Person, eve: Person) -> None:
    for whoever in (ann, eve):
        with ann.engine.begin() as conn, pytest.raises(ConflictError, match="added already"):
            whoever.add(conn, Authenticator(), credential_id=ann.key.credential_id)
    assert ann.row().account_id == ann.id


def test_an_account_has_so_many_at_most(ann: Person) -> None:
    with ann.engine.begin() as conn:
        for _ in range(MOST - 1):
            ann.add(conn, Authenticator())
        with pytest.raises(ConflictError, match="remove one first"):
            ann.add(conn, Authenticator())
        assert passkeys.take_all_away(conn, ann.id) == MOST


def test_a_name_is_tidied(ann: Person) -> None:
    made = passkeys.Made(b"other", b"key", 0, synced=False, transports=("usb", "nfc"))
    with ann.engine.begin() as conn:
        added = passkeys.add(conn, ann.id, HERE.id, "  My \n key ", made)
        assert passkeys.named(conn, ann.id, added) == "My key"
        assert (b"other", ["usb", "nfc"]) in passkeys.credentials(conn, ann.id, HERE.id)
    with ann.engine.begin() as conn, pytest.raises(InvalidError, match="passkey's name"):
        passkeys.add(conn, ann.id, HERE.id, " ", made)
