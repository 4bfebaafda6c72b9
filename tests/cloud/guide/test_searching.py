"""Finding in the guide: what people type leads to what they mean, whatever they type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.guide import searching
from cloud.guide.chapters import Section, book
from cloud.guide.searching import Index, find, snippet
from cloud.guide.words import SMALL, fold, likeness, stem, words
from cloud.languages.current import LANGUAGES

MEANT = {
    "en": {
        "forgot my password": "account#forgotten",
        "how do I invite a subcontractor": "people#give",
        "red light": "gate#colours",
        "VAT already registered": "companies#exists",
        "is there a mobile app": "faq#mobile",
        "GDPR": "privacy#",
        "overtime": "days#",
    },
    "fr": {
        "mot de passe oublié": "account#forgotten",
        "MOT DE PASSE OUBLIE": "account#forgotten",
        "travailleur non visible": "faq#not-visible",
        "tva déjà enregistrée": "companies#exists",
        "lumières rouges": "gate#colours",
        "importer excel": "workers#import",
        "heures de prestation": "days#",
        "où est le mode d'emploi ?": "faq#manual",
        "ouvriers": "workers#",
    },
    "nl": {
        "wachtwoord vergeten": "account#forgotten",
        "badges verloren": "faq#lost",
        "onderaannemers": "checking#see",
        "werven": "companies#sites",
        "rood licht": "gate#colours",
        "toestelnummers": "installer#identity",
        "waarom zie ik een werknemer niet": "why#worker",
    },
    "de": {
        "Passwort vergessen": "account#forgotten",
        "Ausweis verloren": "faq#lost",
        "rotes Licht": "gate#colours",
        "gerät hinzufügen": "terminals#add",
        "GERAT HINZUFUGEN": "terminals#add",
        "Mehrwertsteuernummer schon registriert": "companies#exists",
        "dsgvo": "privacy#",
    },
}
HOSTILE = (
    "", " ", "\x00", "'; DROP TABLE companies; --", '" OR 1=1', "a" * 100_000, "((((((((((((",
    "*" * 500, "NEAR(a b)", "<script>alert(1)</script>", "\u202e\ufeff\ud7ff", "%s%n%x",
    "{{ 7*7 }}", "../../etc/passwd", "\ufb03" * 300, "\u0627" * 300, "\u0131\u0307" * 60,
    " ".join(map(str, range(5_000))),
)  # fmt: skip


@pytest.mark.parametrize(
    ("language", "question", "meant"),
    [(code, asked, meant) for code, each in MEANT.items() for asked, meant in each.items()],
)
def test_what_is_meant_comes_first(language: str, question: str, meant: str) -> None:
    best = find(language, question)[0].section
    assert f"{best.chapter}#{best.anchor}" == meant


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_chapter_is_found_by_its_title(language: str) -> None:
    for chapter in book(language).chapters.values():
        found = [hit.section.chapter for hit in find(language, chapter.title)]
        assert chapter.name in found[:5], chapter.title


@pytest.mark.parametrize("question", HOSTILE)
@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_is_typed_is_only_text(language: str, question: str) -> None:
    for hit in find(language, question):
        whole = "".join(text for text, _ in hit.snippet)
        assert whole.removeprefix("… ").removesuffix(" …") in hit.section.text


@given(st.text(max_size=300), st.sampled_from(LANGUAGES))
def test_any_text_is_a_question(question: str, language: str) -> None:
    scores = [hit.score for hit in find(language, question)]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) <= 20


def test_only_so_much_of_a_question_is_looked_at() -> None:
    filler = " ".join(f"zzz{number}" for number in range(60))
    assert find("en", f"{filler} password") == []
    assert len(filler) > searching.LONGEST


def section(anchor: str, title: str, text: str, *named: str) -> Section:
    return Section("c", anchor, 2, title, named, text)


def test_titles_and_named_words_count_for_more_than_text() -> None:
    index = Index(
        [
            section("text", "One", "a badge here, and a lamp"),
            section("title", "Badge", "nothing"),
            section("named", "Two", "nothing", "badge"),
            section("none", "Three", "a lamp"),
        ],
        "en",
    )
    assert [hit.section.anchor for hit in index.find("badge")] == ["title", "named", "text"]
    assert index.find("") == index.find("qqqq") == []


def test_what_has_all_that_was_asked_goes_before_what_has_half_of_it_often() -> None:
    index = Index(
        [
            section("half", "One", "badge badge badge badge badge"),
            section("both", "Two", "a badge that was lost, and much else besides it"),
        ],
        "en",
    )
    assert index.find("lost badge")[0].section.anchor == "both"


def test_small_words_decide_nothing_unless_they_are_all_there_is() -> None:
    index = Index(
        [section("a", "My own", "what is my own"), section("b", "Password", "to forget")], "en"
    )
    assert index.find("my password")[0].section.anchor == "b"
    assert index.find("my own")[0].section.anchor == "a"
    assert all(word == fold(word) for small in SMALL.values() for word in small)


def test_a_snippet_shows_where_the_words_are_and_marks_them() -> None:
    text = "Filler at first. " * 30 + "Here a badge was lost, Perdu. " + "And more. " * 30
    pieces = snippet(text, {"badge": 1.0, "lost": 1.0, "perdu": 0.5})
    assert [piece for piece, marked in pieces if marked] == ["badge", "lost", "Perdu"]
    assert pieces[0] == ("… ", False)
    assert pieces[-1] == (" …", False)
    assert len("".join(piece for piece, _ in pieces)) < 240
    assert snippet("Short.", {"short": 1.0}) == (("Short", True), (".", False))
    assert snippet("", {}) == ()
    assert len(snippet("x" * 1_000, {})) == 2


def test_words_are_folded_where_they_stand() -> None:
    assert list(words("L\u2019Œuvre, été")) == [("l", 0, 1), ("oeuvre", 2, 7), ("ete", 9, 12)]
    assert fold("Straße ÉTÉ Ĳ") == "strasse ete ij"


@pytest.mark.parametrize(
    ("language", "asked", "word", "least"),
    [
        ("fr", "appareils", "appareil", 0.8),
        ("fr", "enregistrer", "enregistrement", 0.8),
        ("nl", "werven", "werf", 0.8),
        ("nl", "registraties", "registreren", 0.8),
        ("de", "gerat", "geratenummer", 0.4),
        ("de", "nummer", "geratenummer", 0.4),
        ("de", "geratenummer", "gerat", 0.3),
        ("en", "regsitration", "registration", 0.3),
        ("en", "pasword", "password", 0.3),
        ("en", "badge", "badge", 1.0),
    ],
)
def test_words_are_like_each_other(language: str, asked: str, word: str, least: float) -> None:
    assert likeness(asked, word, language) >= least


@pytest.mark.parametrize(
    ("language", "asked", "word"),
    [("en", "gate", "date"), ("fr", "site", "suite"), ("de", "uhr", "ihr"), ("nl", "in", "inn")],
)
def test_short_words_are_like_none_but_themselves(language: str, asked: str, word: str) -> None:
    assert likeness(asked, word, language) == 0.0


@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from(LANGUAGES))
def test_likeness_is_a_share(one: str, other: str, language: str) -> None:
    one, other = fold(one), fold(other)
    assert 0.0 <= likeness(one, other, language) <= 1.0
    assert likeness(one, one, language) == 1.0
    assert one == "" or stem(one, language)
