import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cloud.workers.vault import Vault, VaultError

NUMBER = "85073003328"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    return tmp_path


def test_what_is_sealed_opens_and_is_found_again(directory: Path) -> None:
    vault, again = Vault.open(directory), Vault.open(directory)
    sealed = vault.seal(NUMBER)
    assert again.unseal(sealed) == NUMBER
    assert again.mark(NUMBER) == vault.mark(NUMBER)
    assert vault.seal(NUMBER) != sealed
    assert NUMBER.encode() not in sealed + vault.mark(NUMBER)
    assert stat.S_IMODE((directory / "keys" / "people.key").stat().st_mode) == 0o600


def test_another_key_opens_and_finds_nothing(directory: Path) -> None:
    mine, other = Vault.open(directory), Vault(bytes(32))
    assert mine.mark(NUMBER) != other.mark(NUMBER)
    for sealed in (mine.seal(NUMBER), b"", b"x" * 11, b"x" * 40):
        with pytest.raises(VaultError, match=r"restore people\.key"):
            other.unseal(sealed)


def test_an_altered_one_does_not_open() -> None:
    vault = Vault(bytes(32))
    sealed = vault.seal(NUMBER)
    for place in range(len(sealed)):
        wrong = bytearray(sealed)
        wrong[place] ^= 1
        with pytest.raises(VaultError):
            vault.unseal(bytes(wrong))


def test_known_answers() -> None:
    """Made by hand with HKDF (RFC 5869) and HMAC (RFC 2104): the database outlives this code."""
    import hashlib
    import hmac

    def expanded(purpose: bytes) -> bytes:
        secret = hmac.digest(bytes(32), bytes(32), hashlib.sha256)
        return hmac.digest(secret, purpose + b"\x01", hashlib.sha256)

    finder = expanded(b"pointeuse people: find")
    expected = hmac.digest(finder, NUMBER.encode(), hashlib.sha256)
    assert Vault(bytes(32)).mark(NUMBER) == expected


def test_of_many_at_once_one_makes_the_key(directory: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        marks = set(pool.map(lambda _: Vault.open(directory).mark(NUMBER), range(32)))
    assert len(marks) == 1
    assert [path.name for path in (directory / "keys").iterdir()] == ["people.key"]


def test_a_key_that_was_cut_short_is_named(directory: Path) -> None:
    (directory / "keys" / "people.key").write_bytes(b"short")
    with pytest.raises(VaultError, match="is not a key of 32 bytes"):
        Vault.open(directory)
    with pytest.raises(VaultError, match="cannot use"):
        Vault.open(directory / "nowhere")
