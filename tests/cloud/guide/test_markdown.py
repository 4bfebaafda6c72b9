"""What the guide's Markdown means, and what of it is refused."""

import pytest

from cloud.guide.chapters import read
from cloud.guide.errors import GuideError
from cloud.languages.current import LANGUAGES


def html(text: str, language: str = "fr") -> str:
    return read("why", language, f"# Titre {{#why}}\n\n{text}\n").html


def test_a_text_of_the_console_is_shown_in_the_language() -> None:
    assert '<b class="ui">Ajouter un appareil</b>' in html("{{ui: Add a terminal}}")
    assert '<b class="ui">Add a terminal</b>' in html("{{ui: Add a terminal}}", "en")
    assert '<a href="/workers"><b class="ui">Collaborateurs</b></a>' in html(
        "[{{ui: Workers}}](/workers)"
    )
    shown = html("{{ui: Terminal {device} is linked to {other}.}}", "nl")
    assert '<b class="ui">Toestel … is gekoppeld aan ….</b>' in shown
    assert '<b class="ui">… jour</b>' in html("{{ui: %(num)s day}}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_that_the_console_does_not_show_is_refused(language: str) -> None:
    with pytest.raises(GuideError, match=rf"^{language}/why.md: “Add a termnal” is no text"):
        html("Press {{ui: Add a termnal}}.", language)


def test_quotations_are_text_and_nothing_else() -> None:
    assert '<b class="said">a &lt;i&gt; _b_</b>' in html("{{said: a <i> _b_}}")
    assert '<i class="lamp green" aria-hidden="true"></i>' in html("{{lamp: green}}")
    with pytest.raises(GuideError, match="no lamp is blue"):
        html("{{lamp: blue}}")


def test_html_is_text() -> None:
    shown = html("<script>alert(1)</script>\n\n<b onclick='x'>a</b> [x](javascript:x)")
    assert "<script" not in shown
    assert "<b onclick" not in shown
    assert "href=" not in shown


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("## Without", "has no anchor"),
        ("## Upper {#Case}", "has no anchor"),
        ("# Another {#b}", "begins with its one heading"),
        ("[a](nowhere.html)", "write chapter.md#anchor"),
        ("[a](http://example.be)", "write chapter.md#anchor"),
        ("![a](../images/live.png)", "write images/name.png"),
        ("![a](https://example.be/a.png)", "write images/name.png"),
        ("![a](images/nothing.png)", "there is no picture nothing.png in fr"),
    ],
)
def test_what_cannot_be_shown_is_refused(text: str, says: str) -> None:
    with pytest.raises(GuideError, match=f"^fr/why.md: .*{says}"):
        html(text)


def test_a_chapter_stands_alone_or_among_all_others() -> None:
    text = "# T {#why}\n\n[a](faq.md#api) [b](#ask) [c](faq.md)\n\n## Ask {#ask word other}\n\nx\n"
    found = read("why", "en", text)
    assert '<a href="/guide/faq#api">' in found.html
    assert '<a href="/guide/why#ask">' in found.html
    assert '<h2 id="ask">Ask</h2>' in found.html
    assert '<h2 id="why">T</h2>' in found.whole
    assert '<h3 id="why.ask">Ask</h3>' in found.whole
    for led_to in ('"#faq.api"', '"#why.ask"', '"#faq"'):
        assert f"<a href={led_to}>" in found.whole
    assert found.lead == "a b c"
    assert [(each.anchor, each.words, each.text) for each in found.sections] == [
        ("", (), "a b c"),
        ("ask", ("word", "other"), "x"),
    ]


def test_pictures_say_how_large_they_are_and_lead_to_themselves() -> None:
    shown = html("![Ce que montre la page](images/why.png)")
    assert 'href="/guide/images/fr/why.png"><img src="/guide/images/fr/why.png"' in shown
    # Taken at twice its pixels.
    assert 'alt="Ce que montre la page" width="390" height="1150" loading="lazy"' in shown


def test_tables_scroll_by_themselves() -> None:
    shown = html("## Une liste {#list}\n\n| a | b |\n|---|---|\n| c | d |")
    assert '<div class="wide" role="region" tabindex="0" aria-label="Une liste"><table>' in shown
    assert "</table></div>" in shown
