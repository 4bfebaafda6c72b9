"""No template says anything that is not marked for the catalogues."""

import re
from pathlib import Path

import pytest
from jinja2 import Environment

import cloud.console

TEMPLATES = sorted((Path(cloud.console.__file__).parent / "templates").glob("*.html"))
LEXER = Environment(trim_blocks=True, lstrip_blocks=True, autoescape=True)
SAID = re.compile(r"""\b(?:aria-label|title|placeholder|alt|value)="([^"]*)\"""")
COMMANDS = re.compile(r"<code>.*?</code>", re.DOTALL)
TAG = re.compile(r"<[^>]*>|&\w+;")
WORD = re.compile(r"[A-Za-zÀ-ÿ]{2,}")
NAMES = {"Pointeuse", "UTC", "ms", "FILE", "CSV", "XLSX"}
"""What is called the same in every language."""
VALUES = re.compile(r"^[a-z_-]+$")
"""What forms send: words of our own."""


def unmarked(source: str) -> list[str]:
    """Words that a template shows by itself; what stands in `{{ }}` is another's to judge."""
    html = "".join(
        text if kind == "data" else "{}" if kind == "variable_begin" else ""
        for _, kind, text in LEXER.lex(source)
    )
    html = COMMANDS.sub("", html)
    attributes = [text for text in SAID.findall(html) if not VALUES.match(text)]
    found = WORD.findall(" ".join([*attributes, TAG.sub(" ", html)]))
    return [word for word in found if word not in NAMES]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_everything_a_template_says_is_marked(path: Path) -> None:
    assert unmarked(path.read_text()) == []


def test_what_is_not_marked_is_found() -> None:
    assert unmarked('<p title="Hello">{{ _("Marked") }} there {{ x }} UTC</p>') == [
        "Hello",
        "there",
    ]
    assert (
        unmarked('<input name="site" value="all"><code>agent doctor</code> {% if a %}{% endif %}')
        == []
    )
