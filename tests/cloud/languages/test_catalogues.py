"""Every text has its translation in every language, with what stands in it."""

from collections.abc import Callable

import pytest
from babel.messages.catalog import Catalog
from click.testing import CliRunner

from cloud.languages import extracting
from cloud.languages.current import LANGUAGES, gettext, language, ngettext, spoken

TRANSLATED = LANGUAGES[1:]


@pytest.mark.parametrize("code", TRANSLATED)
def test_nothing_misses_and_nothing_is_left_over(code: str) -> None:
    found = extracting.catalogue(code)
    wanted = extracting.texts()
    assert list(extracting.problems(found, wanted)) == []
    path = extracting.CATALOGUES / f"{code}.po"
    assert extracting.written(found, wanted) == path.read_bytes(), "run scripts/texts"


def test_texts_are_found_in_templates_in_code_and_in_steps() -> None:
    texts = extracting.texts()
    assert "Why can I not see it?" in texts  # a template
    assert "There is no such terminal." in texts  # _()
    assert "Divisions and sites" in texts  # mark()
    assert ("%(num)s day", "%(num)s days") in texts
    assert {"No terminal {device} is registered.", "Switch to {other}."} <= texts  # a step, a fix


def without(catalog: Catalog) -> None:
    catalog.delete("Log in")


def empty(catalog: Catalog) -> None:
    catalog["Log in"].string = ""


def fuzzy(catalog: Catalog) -> None:
    catalog["Log in"].flags.add("fuzzy")


def lost_place(catalog: Catalog) -> None:
    catalog["%(name)s exists already; choose another name."].string = "Existe déjà."


def other_place(catalog: Catalog) -> None:
    catalog["Switch to {other}."].string = "Passez à {autre}."


def one_form(catalog: Catalog) -> None:
    catalog["%(num)s day"].string = ("%(num)s jour", "")


def left_over(catalog: Catalog) -> None:
    catalog.add("Nobody says this", "Personne ne le dit")


@pytest.mark.parametrize(
    "spoil", [without, empty, fuzzy, lost_place, other_place, one_form, left_over]
)
def test_what_is_wrong_is_said(spoil: Callable[[Catalog], None]) -> None:
    found = extracting.catalogue("fr")
    spoil(found)
    assert len(list(extracting.problems(found, extracting.texts()))) == 1


def test_the_command_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CliRunner().invoke(extracting.main, ["--check"]).exit_code == 0
    monkeypatch.setattr(extracting, "texts", lambda: {"Nobody says this"})
    result = CliRunner().invoke(extracting.main, ["--check"])
    assert result.exit_code == 1
    assert "fr: not there: 'Nobody says this'; run scripts/texts" in result.stderr


def test_the_language_in_force_is_spoken() -> None:
    assert gettext("Log in") == "Log in"
    for code, said, days in (
        ("fr", "Se connecter", "%(num)s jour"),
        ("nl", "Aanmelden", "%(num)s dagen"),
        ("de", "Anmelden", "%(num)s Tage"),
    ):
        with spoken(code):
            assert (gettext("Log in"), ngettext("%(num)s day", "%(num)s days", 0)) == (said, days)


def test_a_language_is_spoken_until_its_end_whatever_happens() -> None:
    meanwhile = spoken("fr")
    meanwhile.__enter__()
    assert language.get() == "fr"
    meanwhile.__exit__(ValueError, ValueError(), None)
    assert language.get() == "en"
