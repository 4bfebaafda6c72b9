"""The pictures that are kept: all there, as large as they are to be, each of a page there is."""

from pathlib import Path

import pytest
from PIL import Image

from cloud.guide.chapters import book
from cloud.guide.pictures import PAGES, picture, size
from cloud.languages.current import LANGUAGES
from tests.cloud.console.matrix import ROUTES
from tests.cloud.guide.shots import AN, LUC, SHOTS

EVERY = [(language, name) for language in LANGUAGES for name in SHOTS]
ROLES = {AN: "administrator", LUC: "manager", None: None}
MOST = 100 * 1024
MOST_IN_ALL = 4 * 1024 * 1024
"""Bytes of one picture, and of all that are in the wheel."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_is_one_of_each_in_each_language_and_no_other(language: str) -> None:
    assert {path.name for path in (PAGES / language / "images").iterdir()} == {
        f"{name}.png" for name in SHOTS
    }
    shown = [file for chapter in book(language).chapters.values() for file, _ in chapter.pictures]
    assert sorted(shown) == sorted(f"{name}.png" for name in SHOTS)


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_it_is_as_it_would_be_taken(language: str, name: str) -> None:
    shot, path = SHOTS[name], picture(language, f"{name}.png")
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.mode == "P"
        assert image.width == shot.screen.width * shot.screen.scale
        assert image.height <= shot.height * shot.screen.scale
        assert len(image.getcolors() or ()) > 8, "it is empty"
    shown = size(path)
    assert shown[0] == shot.screen.width
    assert 300 < shown[1] <= shot.height
    assert path.stat().st_size < MOST


@pytest.mark.parametrize("name", SHOTS)
def test_it_is_of_a_page_that_is_there_for_who_looks(name: str) -> None:
    shot = SHOTS[name]
    role = ROLES[shot.who]
    assert 200 in ROUTES["GET", shot.route].reads(role, own=True)


def test_the_languages_are_not_mixed_up() -> None:
    for name in SHOTS:
        same = {picture(language, f"{name}.png").read_bytes() for language in LANGUAGES}
        assert len(same) == len(LANGUAGES), name


def test_they_are_few_enough() -> None:
    files: list[Path] = [picture(language, f"{name}.png") for language, name in EVERY]
    assert sum(path.stat().st_size for path in files) < MOST_IN_ALL
