"""One-time passwords: the published answers, and that each counts once."""

import os
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
from sqlalchemy import Engine, insert, select, update

from cloud.accounts import recovery, second, service, totp
from cloud.accounts.tables import recovery_codes, totps
from cloud.errors import ConflictError, InvalidError
from cloud.workers.vault import Vault

RFC_6238 = {59: "94287082", 1111111109: "07081804", 1234567890: "89005924", 20000000000: "65353130"}
"""Seconds, and the eight digits of SHA-1 (RFC 6238, appendix B); ours are the last six."""
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
NOW_MS = 1_234_567_890_000


class Clock:
    def __init__(self) -> None:
        self.ms = NOW_MS

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (recovery, service, totp):
        monkeypatch.setattr(module, "now_ms", clock)
    return clock


@pytest.fixture
def vault() -> Vault:
    return Vault(os.urandom(32))


@pytest.fixture
def ann(engine: Engine, vault: Vault) -> int:
    """With the RFC's secret, which was confirmed."""
    with engine.begin() as conn:
        account = service.create(conn, "ann@example.be", "Ann Maes")
        sealed = vault.seal(f"totp:{account}:{SECRET}")
        values = {"account_id": account, "sealed": sealed, "created_ms": 1, "confirmed_ms": 1}
        conn.execute(insert(totps).values(values))
        return account


def gives(engine: Engine, vault: Vault, account: int, code: str) -> bool:
    with engine.begin() as conn:
        return service.give_code(conn, vault, account, code)


@pytest.mark.parametrize(("at_s", "digits"), RFC_6238.items())
def test_the_published_answers(
    engine: Engine, vault: Vault, ann: int, clock: Clock, at_s: int, digits: str
) -> None:
    clock.ms = at_s * 1000
    assert gives(engine, vault, ann, f"{digits[2:5]} {digits[5:]}")


def test_a_code_counts_once_and_none_before_it(
    engine: Engine, vault: Vault, ann: int, clock: Clock
) -> None:
    shown = pyotp.TOTP(SECRET)

    def at(steps: int) -> str:
        return shown.generate_otp(NOW_MS // totp.STEP_MS + steps)

    assert not gives(engine, vault, ann, at(-2))
    assert not gives(engine, vault, ann, at(2))
    assert gives(engine, vault, ann, at(0))
    assert not gives(engine, vault, ann, at(0))
    assert not gives(engine, vault, ann, at(-1))
    assert gives(engine, vault, ann, at(1))
    clock.ms += totp.STEP_MS
    assert not gives(engine, vault, ann, at(1))
    assert gives(engine, vault, ann, at(2))


@pytest.mark.parametrize(
    "code", ["", " ", "12345", "1234567", "\u0660" * 6, "005 92", "x" * 100, "-1"]
)
def test_what_is_no_code_is_none(
    engine: Engine, vault: Vault, ann: int, clock: Clock, code: str
) -> None:
    assert clock.ms
    assert not gives(engine, vault, ann, code)


def test_of_the_same_code_given_at_once_one_counts(
    engine: Engine, vault: Vault, ann: int, clock: Clock
) -> None:
    code = pyotp.TOTP(SECRET).at(clock.ms // 1000)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: gives(engine, vault, ann, code), range(4)))
    assert found.count(True) == 1


def test_wrong_codes_lock_the_account_and_a_right_password_does_not_help(
    engine: Engine, vault: Vault, ann: int, clock: Clock
) -> None:
    with engine.begin() as conn:
        service.set_password(conn, ann, "geel paard leest wolken")
    for _ in range(service.FREE_FAILURES + 1):
        assert not gives(engine, vault, ann, "000000")
        with engine.begin() as conn:
            attempt = service.authenticate(conn, "ann@example.be", "geel paard leest wolken")
    assert attempt is None, "it is locked"
    code = pyotp.TOTP(SECRET).at(clock.ms // 1000)
    assert not gives(engine, vault, ann, code), "even the right one"
    clock.ms += service.LOCK_MS
    with engine.begin() as conn:
        service.set_password(conn, ann, "rode fiets zingt zacht")
    assert not gives(engine, vault, ann, "000000"), "a new password begins no new count"
    clock.ms += service.LOCK_MS
    right = pyotp.TOTP(SECRET).at(clock.ms // 1000)
    assert not gives(engine, vault, ann, right), "it is locked for twice as long"
    clock.ms += service.LOCK_MS
    with engine.begin() as conn:
        service.set_password(conn, ann, "geel paard leest wolken")
    assert gives(engine, vault, ann, pyotp.TOTP(SECRET).at(clock.ms // 1000))
    with engine.begin() as conn:
        assert service.authenticate(conn, "ann@example.be", "geel paard leest wolken") == ann


def test_a_secret_is_asked_for_once_a_code_of_it_was_given(
    engine: Engine, vault: Vault, clock: Clock
) -> None:
    with engine.begin() as conn:
        account = service.create(conn, "bob@example.be", "Bob")
        totp.begin(conn, vault, account)
        first, _ = totp.offered(conn, vault, account)
        totp.begin(conn, vault, account)
        secret, address = totp.offered(conn, vault, account)
        assert first != secret
        assert address.startswith("otpauth://totp/Pointeuse:bob%40example.be?")
        assert pyotp.parse_uri(address).secret == secret
        assert not second.is_asked(conn, account)
        with pytest.raises(InvalidError, match="not the code"):
            totp.confirm(conn, vault, account, pyotp.TOTP(first).at(clock.ms // 1000))
        totp.confirm(conn, vault, account, pyotp.TOTP(secret).at(clock.ms // 1000))
        codes = second.first_codes(conn, account)
        assert second.is_asked(conn, account)
        assert len(set(codes)) == recovery.left(conn, account) == recovery.CODES
        for refused in (totp.begin, totp.offered):
            with pytest.raises((ConflictError, InvalidError)):
                refused(conn, vault, account)
        kept = conn.execute(select(totps.c.sealed)).scalar_one()
        assert secret.encode() not in kept
    assert gives(engine, vault, account, codes[3].lower().replace("-", " "))
    assert not gives(engine, vault, account, codes[3])
    with engine.begin() as conn:
        assert recovery.left(conn, account) == recovery.CODES - 1
        hashes = conn.execute(select(recovery_codes.c.code_hash)).scalars().all()
        assert not any(code.replace("-", "").encode() in each for code in codes for each in hashes)
        assert second.take_away(conn, account) == (True, 0)
        assert second.take_away(conn, account) == (False, 0)
        assert not second.is_asked(conn, account)
    assert not gives(engine, vault, account, codes[4])


def test_a_secret_moved_to_another_account_is_worth_nothing(
    engine: Engine, vault: Vault, ann: int, clock: Clock
) -> None:
    with engine.begin() as conn:
        eve = service.create(conn, "eve@example.be", "Eve")
        conn.execute(update(totps).values(account_id=eve))
    with pytest.raises(InvalidError, match="cannot be read"):
        gives(engine, vault, eve, pyotp.TOTP(SECRET).at(clock.ms // 1000))
    assert ann
