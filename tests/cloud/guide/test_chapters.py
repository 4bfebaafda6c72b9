"""The guide says the same in every language, and nothing of what it names is not there."""

import re
import shlex
import tomllib
from collections import Counter
from pathlib import Path

import click
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

import pointeuse
from agent.config import load
from agent.words import WORDS
from cloud.accounts.scopes import Scope
from cloud.api.app import create_app
from cloud.guide.chapters import CHAPTERS, Chapter, book
from cloud.guide.pictures import PAGES
from cloud.languages.current import LANGUAGES
from tests.cloud.guide.shots import SHOTS

ROOT = Path(__file__).parents[3]
EVERY = [(language, name) for language in LANGUAGES for name in CHAPTERS]
FAQ = (
    "several", "branches", "private", "badges", "not-visible", "accounts-workers", "mobile",
    "checkinatwork", "api", "manual",
)  # fmt: skip
"""What people ask on the help page that there was before, each by its anchor."""
DOCTOR = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


@pytest.fixture
def backend() -> str:
    """What pages say does not depend on the database."""
    return "sqlite"


def chapter(language: str, name: str) -> Chapter:
    return book(language).chapters[name]


def source(language: str, name: str) -> str:
    return (PAGES / language / f"{name}.md").read_text("utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_files_are_the_chapters(language: str) -> None:
    assert {path.stem for path in (PAGES / language).glob("*.md")} == set(CHAPTERS)
    assert {path.name for path in PAGES.iterdir()} == set(LANGUAGES)


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_each_language_has_every_heading_in_the_same_order(language: str, name: str) -> None:
    found = chapter(language, name)
    assert found.anchors == chapter("en", name).anchors
    anchors = [anchor for _, anchor in found.anchors]
    assert len(set(anchors)) == len(anchors)
    assert all(section.title and section.text for section in found.sections)
    assert source(language, name).startswith(f"# {found.title} {{#{name} ")


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_each_language_has_the_same_pictures_each_with_words_for_who_does_not_see_it(
    language: str, name: str
) -> None:
    found = chapter(language, name)
    english = chapter("en", name)
    assert [file for file, _ in found.pictures] == [file for file, _ in english.pictures]
    for file, says in found.pictures:
        assert len(says) > 10, f"{language}/{name}.md: {file} has no alt text"
        assert file.removesuffix(".png") in SHOTS
    if language != "en":
        alike = {says for _, says in found.pictures} & {says for _, says in english.pictures}
        assert not alike, f"{language}/{name}.md: not translated: {alike}"


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_each_language_quotes_the_same_of_the_console(language: str, name: str) -> None:
    def quoted(found: Chapter) -> Counter[str]:
        return Counter(text for kind, text in found.quoted if kind == "ui")

    assert quoted(chapter(language, name)) == quoted(chapter("en", name))


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_each_language_shows_the_same_commands(language: str, name: str) -> None:
    def shown(found: Chapter) -> Counter[str]:
        return Counter(re.sub(r'(?m)^language = ".."$', "", text) for text in found.code)

    assert shown(chapter(language, name)) == shown(chapter("en", name))


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_every_link_leads_somewhere(language: str, name: str) -> None:
    guide = book(language)
    for link in guide.chapters[name].links:
        if link.address:
            assert re.fullmatch(r"https://[a-z./-]+|/[a-z0-9./]*", link.address), link
            continue
        assert link.chapter in guide.chapters, f"{language}/{name}.md: {link}"
        anchors = [anchor for _, anchor in guide.chapters[link.chapter].anchors]
        assert link.anchor in anchors, f"{language}/{name}.md: {link}"


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_each_language_leads_to_the_same(language: str, name: str) -> None:
    def inside(found: Chapter) -> Counter[tuple[str, str, str]]:
        return Counter(
            (link.chapter, link.anchor, re.sub(r"(//[^/]*).*", r"\1", link.address))
            for link in found.links
        )

    assert inside(chapter(language, name)) == inside(chapter("en", name))


def test_every_page_that_is_led_to_is_there(engine: Engine, reader: Engine) -> None:
    app = create_app(reader, engine)
    while not isinstance(app, FastAPI):
        app = app._app  # type: ignore[attr-defined]
    paths = {route.path for route in app.routes if hasattr(route, "path")}
    led_to = {
        link.address
        for found in book("en").chapters.values()
        for link in found.links
        if link.address.startswith("/")
    }
    assert len(led_to) > 10
    assert led_to <= paths


def test_every_question_of_the_help_page_is_answered() -> None:
    anchors = [anchor for _, anchor in chapter("en", "faq").anchors]
    assert set(FAQ) <= set(anchors)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_terminals_say_is_what_the_agent_says(language: str) -> None:
    words = WORDS[language]  # type: ignore[index]
    said = {*words.outcomes.values(), words.office, words.again, words.broken}
    for reason in words.reasons.values():
        said |= {reason.screen, reason.display}
    quoted = {text for kind, text in chapter(language, "gate").quoted if kind == "said"}
    assert quoted == said
    elsewhere = {
        text for name in CHAPTERS for kind, text in chapter(language, name).quoted if kind == "said"
    }
    assert elsewhere == quoted


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_check_of_the_doctor_is_told_of(language: str) -> None:
    checks = DOCTOR.findall((ROOT / "docs" / "doctor.md").read_text())
    assert len(checks) > 5
    assert DOCTOR.findall(source(language, "installer")) == checks


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_settings_of_a_terminal_are_those_that_an_agent_takes(
    language: str, tmp_path: Path
) -> None:
    (shown,) = [text for text in chapter(language, "installer").code if "[terminal]" in text]
    assert tomllib.loads(shown)["terminal"]["language"] == language
    file = tmp_path / "agent.toml"
    file.write_text(shown)
    assert load(file).readers[0].name == "gate-in"


def test_every_scope_of_a_company_is_told_of() -> None:
    scopes = {scope.value for scope in Scope} - {"custody:read"}
    told = set(re.findall(r"`(\w+:\w+)`", source("en", "programs")))
    assert told == scopes


def commands(language: str) -> set[str]:
    shown = (text for name in CHAPTERS for text in chapter(language, name).code)
    lines = {line for text in shown for line in text.splitlines()}
    return {line for line in lines if re.search(r"(^| )pointeuse ", line)}


def test_every_command_is_one() -> None:
    found = commands("en")
    assert len(found) > 5
    for line in found:
        words = shlex.split(line)
        # As the user of that name, some of them.
        words = words[len(words) - words[::-1].index("pointeuse") :]
        command: click.Command = pointeuse.cli
        while isinstance(command, click.Group) and words:
            name = words.pop(0)
            below = command.get_command(click.Context(command), name)
            assert below is not None, f"{line}: there is no {name}"
            command = below
        options = {option for each in command.params for option in each.opts}
        used = {word for word in words if word.startswith("--")}
        assert used <= options, f"{line}: {used - options}"
