"""Chapters are written in Markdown (CommonMark with tables), without HTML, and with this besides:

    {{ui: Add a terminal}}  a text of the console, shown as its catalogue has it in the language
    {{said: recorded}}      what a terminal says, as it stands here; a test compares the two
    {{lamp: green}}         a spot of that colour, which the text beside it names
    ## Lists {#lists crew}  the anchor of a heading, and words that people may look for it by

A text of the console is named by the English one. Where a name or a number stands in it, the guide
shows `…`.
"""

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from cloud.guide.errors import GuideError
from cloud.languages.current import texts

_QUOTATION = re.compile(r"\{\{(ui|said|lamp): ?(.+?)\}\}(?!\})")
LAMPS = ("green", "orange", "yellow", "red")
_PLACE = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
_MARK = re.compile(r"^(?P<title>.*?)\s*\{#(?P<anchor>[a-z0-9][a-z0-9-]*)(?P<words>(?: [^{}]+)?)\}$")


def parse(source: str, language: str) -> list[Token]:
    """The tokens of a chapter; those of quotations hold what is shown.

    A heading's `meta` has its `anchor` and `words`. Raises GuideError.
    """
    return _MARKDOWN.parse(source, {"language": language})


def plain(inline: Token) -> str:
    """What a piece of text says, without what it looks like."""
    return "".join(_plain(inline.children or ()))


def walk(tokens: list[Token]) -> Iterator[Token]:
    """All tokens, those within others too."""
    for token in tokens:
        yield token
        yield from walk(token.children or [])


def _plain(children: Iterator[Token] | list[Token] | tuple[()]) -> Iterator[str]:
    for child in children:
        if child.type in ("text", "code_inline", "quotation"):
            yield child.content
        elif child.type in ("softbreak", "hardbreak"):
            yield " "


def _quote(state: StateInline, silent: bool) -> bool:
    found = _QUOTATION.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        kind, text = found.groups()
        token = state.push("quotation", "b", 0)
        token.meta = {"kind": kind, "text": text}
        token.content = _SHOWN[kind](text, state.env["language"])
    state.pos = found.end()
    return True


def _ui(text: str, language: str) -> str:
    """A text of the console as somebody who reads the language sees it. Raises GuideError."""
    translated = texts(language).get(text)
    if not translated:
        raise GuideError(f"“{text}” is no text of the console; quote one of its catalogues")
    return _PLACE.sub("…", translated).replace("%%", "%")


def _said(text: str, _language: str) -> str:
    return text


def _lamp(colour: str, _language: str) -> str:
    """Nothing to be read; the colour stays in the token's meta. Raises GuideError."""
    if colour not in LAMPS:
        raise GuideError(f"no lamp is {colour}; it is one of {', '.join(LAMPS)}")
    return ""


_SHOWN = {"ui": _ui, "said": _said, "lamp": _lamp}


def _marked(state: StateCore) -> None:
    """Take the anchor and the words of each heading out of its text. Raises GuideError."""
    for opening, inline in zip(state.tokens, state.tokens[1:], strict=False):
        if opening.type != "heading_open":
            continue
        found = _MARK.match(inline.content)
        if found is None:
            raise GuideError(f"“{inline.content}” has no anchor; end the heading with {{#name}}")
        inline.content = found["title"]
        opening.meta = {"anchor": found["anchor"], "words": found["words"].split()}


_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_MARKDOWN.inline.ruler.push("quotation", _quote)
_MARKDOWN.core.ruler.before("inline", "marked", _marked)
