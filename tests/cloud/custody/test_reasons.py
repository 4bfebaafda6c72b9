"""Every reason that custody and interpretation give is said in words."""

import re
from pathlib import Path

import pytest

import cloud
from cloud.custody import reasons

ROOT = Path(cloud.__file__).parent


@pytest.mark.parametrize(
    ("package", "given", "words"),
    [
        ("interpretation", r'WaitingError\(\s*"([\w-]+)"', reasons.WAITING),
        ("ingest", r'(?:RejectedError\(|keep\(conn, \w+,)\s*"([\w-]+)"', reasons.REFUSED),
    ],
)
def test_each_has_its_words_and_there_are_no_others(
    package: str, given: str, words: dict[str, str]
) -> None:
    source = "".join(path.read_text() for path in sorted((ROOT / package).glob("*.py")))
    assert set(re.findall(given, source)) == set(words)


def test_a_word_of_another_version_stands_for_itself() -> None:
    assert reasons.waiting("no-key") == reasons.WAITING["no-key"]
    assert reasons.refused("banned") == reasons.REFUSED["banned"]
    assert reasons.waiting("other") == reasons.refused("other") == "other"
