import pytest

from cloud.accounts import passwords
from cloud.errors import InvalidError
from tests.cloud.accounts.conftest import PASSWORD


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "12 is the least"),
        ("x" * 257, "256 is the most"),
        ("123456789012", "is on a list of stolen ones"),
        ("correcthorsebatterystaple", "is on a list of stolen ones"),
        ("CorrectHorseBatteryStaple2026!", "is on a list of stolen ones"),
        ("1QAZ2wsx3edc", "is on a list of stolen ones"),
        ("AnnMaes2026!", "is easily guessed"),
        ("passwordpassword", "is on a list of stolen ones"),
        ("Motdepasse123", "is on a list of stolen ones"),
        ("aaaaaaaaaaaaaaaa", "is on a list of stolen ones"),
        ("xyxyxyxyxyxyxyxyx", "is easily guessed"),
        ("ann@example.be", "is easily guessed"),
        ("Ann Maes Ann Maes", "is easily guessed"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(password: str, reason: str) -> None:
    with pytest.raises(InvalidError, match=reason) as caught:
        passwords.check(password, about=["ann@example.be", "Ann Maes"])
    assert password not in str(caught.value)


@pytest.mark.parametrize("password", [PASSWORD, "grue béton pluie lundi", "vT7#kq-9Lw2!zR"])
def test_a_good_password_is_taken(password: str) -> None:
    passwords.check(password, about=["ann@example.be", "Ann Maes"])


def test_a_password_matches_its_own_hash_only() -> None:
    encoded = passwords.hashed(PASSWORD)
    assert encoded.startswith("$argon2id$")
    assert encoded != passwords.hashed(PASSWORD)
    assert passwords.matches(PASSWORD, encoded)
    assert not passwords.matches(PASSWORD + " ", encoded)
    assert not passwords.matches(PASSWORD, None)
    assert not passwords.matches("the password of no account", None)
    assert not passwords.matches(PASSWORD, "not a hash")


def test_a_hash_of_old_parameters_is_outdated() -> None:
    assert not passwords.outdated(passwords.hashed(PASSWORD))
    weak = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$kTKbsTJn4SMOuSC4LhzXVQ"
    assert passwords.outdated(weak)
