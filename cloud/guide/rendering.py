"""Chapters as HTML: each on a page of its own, or all on one, to be printed."""

import re
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from cloud.guide import pictures
from cloud.guide.errors import GuideError
from cloud.guide.markdown import plain

_CHAPTER = re.compile(r"(?:(?P<chapter>[a-z][a-z-]*)\.md)?(?:#(?P<anchor>[a-z0-9-]+))?")
_PICTURE = re.compile(r"images/([a-z][a-z0-9-]*\.png)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the text of a chapter stands."""

    chapter: str
    whole: bool = False
    """Whether all the others stand on the same page."""

    def ident(self, anchor: str, chapter: str = "") -> str:
        """The id that an anchor has on its page; without an anchor, a chapter's own."""
        named = chapter or self.chapter
        if not self.whole:
            return anchor
        return f"{named}.{anchor}" if anchor else named

    def address(self, chapter: str, anchor: str = "") -> str:
        """Where a chapter, or an anchor of it, is found from here."""
        if self.whole:
            return "#" + self.ident(anchor, chapter)
        return f"/guide/{chapter}" + (f"#{anchor}" if anchor else "")


@dataclass(frozen=True, slots=True)
class Link:
    """What a chapter leads to: a chapter and an anchor of the guide, or else an address."""

    chapter: str = ""
    anchor: str = ""
    address: str = ""


def link(target: str, here: str) -> Link:
    """What a link in chapter `here` leads to. Raises GuideError for what is no such thing."""
    if target.startswith(("https://", "/")):
        return Link(address=target)
    found = _CHAPTER.fullmatch(target)
    if found is None or not target:
        raise GuideError(
            f"{here}: a link leads to {target!r}; write chapter.md#anchor, a page's path, or https:"
        )
    return Link(found["chapter"] or here, found["anchor"] or "")


def picture_name(target: str, here: str) -> str:
    """The file that an image names. Raises GuideError."""
    found = _PICTURE.fullmatch(target)
    if found is None:
        raise GuideError(f"{here}: an image is {target!r}; write images/name.png")
    return found[1]


def rendered(tokens: Sequence[Token], place: Place, language: str) -> str:
    """The HTML of a chapter's tokens, which are changed by it. Raises GuideError."""
    title = ""
    for token, inside in zip(tokens, (*tokens[1:], None), strict=True):
        if token.type in ("heading_open", "heading_close") and place.whole:
            token.tag = f"h{int(token.tag[1]) + 1}"
        if token.type == "heading_open":
            # The chapter's own heading is led to by the chapter's name alone.
            anchor = "" if token.tag == ("h2" if place.whole else "h1") else token.meta["anchor"]
            if ident := place.ident(anchor):
                token.attrSet("id", ident)
            title = plain(inside) if inside else ""
        elif token.type == "table_open":
            token.meta = {"title": title}
    env: dict[str, Any] = {"place": place, "language": language}
    return str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, env))


class _Renderer(RendererHTML):
    """HTML as the console has it: tables that scroll by themselves, pictures of a known size.

    A picture leads to itself: on a telephone it is seen larger so.
    """

    def quotation(self, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: Any) -> str:
        token = tokens[idx]
        if token.meta["kind"] == "lamp":
            return f'<i class="lamp {token.meta["text"]}" aria-hidden="true"></i>'
        return f'<b class="{token.meta["kind"]}">{escape(token.content)}</b>'

    def link_open(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]
    ) -> str:
        place: Place = env["place"]
        to = link(str(tokens[idx].attrs["href"]), place.chapter)
        tokens[idx].attrs["href"] = to.address or place.address(to.chapter, to.anchor)
        return self.renderToken(tokens, idx, options, env)

    def image(
        self,
        tokens: Sequence[Token],
        idx: int,
        _options: OptionsDict,
        env: MutableMapping[str, Any],
    ) -> str:
        place, language = env["place"], env["language"]
        name = picture_name(str(tokens[idx].attrs["src"]), place.chapter)
        width, height = pictures.size(pictures.picture(language, name))
        says = escape(plain(tokens[idx]))
        return (
            f'<a class="picture" href="/guide/images/{language}/{name}"><img'
            f' src="/guide/images/{language}/{name}" alt="{says}" width="{width}"'
            f' height="{height}" loading="lazy"></a>'
        )

    def table_open(
        self, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: Any
    ) -> str:
        title = escape(tokens[idx].meta["title"])
        return f'<div class="wide" role="region" tabindex="0" aria-label="{title}"><table>\n'

    def table_close(
        self, _tokens: Sequence[Token], _idx: int, _options: OptionsDict, _env: Any
    ) -> str:
        return "</table></div>\n"


_MARKDOWN = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer)
