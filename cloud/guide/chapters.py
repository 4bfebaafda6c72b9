"""The chapters of the guide: read once, from `pages/LANGUAGE/NAME.md`, in the order of CHAPTERS."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

from markdown_it.token import Token

from cloud.guide.errors import GuideError
from cloud.guide.markdown import parse, plain, walk
from cloud.guide.pictures import PAGES
from cloud.guide.rendering import Link, Place, link, picture_name, rendered

CHAPTERS = (
    "start",
    "faq",
    "account",
    "companies",
    "people",
    "workers",
    "terminals",
    "registrations",
    "days",
    "exports",
    "why",
    "checking",
    "external",
    "audit",
    "notifications",
    "gate",
    "installer",
    "programs",
    "privacy",
)
"""Their names: of the files in each language, and in addresses."""

_LINK = "link_open"


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading, up to the next."""

    chapter: str
    anchor: str
    """Empty for the beginning of a chapter."""
    level: int
    title: str
    words: tuple[str, ...]
    """What people may look for it by, besides what it says."""
    text: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """One chapter in one language. `lead` is its first paragraph, without what it looks like."""

    name: str
    title: str
    lead: str
    sections: tuple[Section, ...]
    links: tuple[Link, ...]
    pictures: tuple[tuple[str, str], ...]
    """The files of its images, each with the text for who does not see it."""
    quoted: tuple[tuple[str, str], ...]
    """Its quotations, by kind: texts of the console in English, what terminals say as it is."""
    code: tuple[str, ...]
    """What it shows as code: commands, and what they print."""
    html: str
    """For a page of its own."""
    whole: str
    """For the page with all of them."""

    @property
    def anchors(self) -> tuple[tuple[int, str], ...]:
        """The level and the name of each anchor, in order."""
        return tuple((each.level, each.anchor) for each in self.sections)


@dataclass(frozen=True, slots=True)
class Book:
    """The guide in one language."""

    language: str
    chapters: dict[str, Chapter]

    def sections(self) -> Iterator[Section]:
        """Everything under a heading, in order."""
        for chapter in self.chapters.values():
            yield from chapter.sections

    def around(self, name: str) -> tuple[Chapter | None, Chapter | None]:
        """The chapters before and after one."""
        at, every = CHAPTERS.index(name), [*self.chapters.values(), None]
        return (every[at - 1] if at else None), every[at + 1]


@cache
def book(language: str) -> Book:
    """The guide in a language. Raises GuideError."""
    return Book(language, {name: _chapter(name, language) for name in CHAPTERS})


def read(name: str, language: str, source: str) -> Chapter:
    """A chapter from its Markdown. Raises GuideError naming it."""
    try:
        return _read(name, language, source)
    except GuideError as error:
        raise GuideError(f"{language}/{name}.md: {error}") from None


def _chapter(name: str, language: str) -> Chapter:
    path = PAGES / language / f"{name}.md"
    try:
        return read(name, language, path.read_text("utf-8"))
    except OSError as error:
        raise GuideError(f"{language}/{name}.md: {error.strerror}") from error


def _read(name: str, language: str, source: str) -> Chapter:
    tokens = parse(source, language)
    every = list(walk(tokens))
    sections = tuple(_sections(name, tokens))
    if not sections or sections[0].level != 1 or any(each.level == 1 for each in sections[1:]):
        raise GuideError("a chapter begins with its one heading of the first level")
    return Chapter(
        name,
        title=sections[0].title,
        lead=next((plain(each) for each in _paragraphs(tokens)), ""),
        sections=sections,
        links=tuple(link(str(each.attrs["href"]), name) for each in every if each.type == _LINK),
        pictures=tuple(
            (picture_name(str(each.attrs["src"]), name), plain(each))
            for each in every
            if each.type == "image"
        ),
        quoted=tuple(
            (each.meta["kind"], each.meta["text"]) for each in every if each.type == "quotation"
        ),
        code=tuple(each.content for each in every if each.type in ("code_inline", "fence")),
        # Rendering writes addresses into the tokens: another place wants others.
        html=rendered(tokens, Place(name), language),
        whole=rendered(parse(source, language), Place(name, whole=True), language),
    )


@dataclass(slots=True)
class _Open:
    """A section that is being read."""

    anchor: str
    level: int
    title: str
    words: tuple[str, ...]
    text: list[str] = field(default_factory=list)


def _sections(chapter: str, tokens: Sequence[Token]) -> Iterator[Section]:
    current: _Open | None = None
    for before, token in zip((None, *tokens), tokens, strict=False):
        if before is not None and before.type == "heading_open":
            if current is not None:
                yield _closed(chapter, current)
            level = int(before.tag[1])
            anchor = "" if level == 1 else before.meta["anchor"]
            current = _Open(anchor, level, plain(token), tuple(before.meta["words"]))
        elif current is not None and token.type in ("inline", "fence"):
            current.text.append(plain(token) if token.type == "inline" else token.content)
    if current is not None:
        yield _closed(chapter, current)


def _closed(chapter: str, read: _Open) -> Section:
    text = " ".join(" ".join(read.text).split())
    return Section(chapter, read.anchor, read.level, read.title, read.words, text)


def _paragraphs(tokens: Sequence[Token]) -> Iterator[Token]:
    for before, token in pairwise(tokens):
        if before.type == "paragraph_open":
            yield token
