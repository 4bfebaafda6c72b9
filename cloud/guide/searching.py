"""Finding in the guide: an index in memory of what stands under each heading, for each language.

Sections are ranked as BM25 does (Robertson and Zaragoza, 2009): a word counts for more the fewer
sections have it, and less the more often it was met already. A heading's words, and those that it
names to be found by, weigh more than the text's. A word is met as far as it is like the one asked
for (`cloud.guide.words`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from math import log
from operator import itemgetter

from cloud.guide.chapters import Section, book
from cloud.guide.words import SMALL, likeness, words

LONGEST = 200
"""Characters of a question; the rest is not looked at."""
_MOST_WORDS = 12
_HITS = 20
_SNIPPET = 220
"""Characters of a text that are shown."""
_TITLE, _NAMED, _CHAPTER, _TEXT = 4.0, 3.0, 1.5, 1.0
_K, _B = 1.2, 0.6
"""How soon more of the same counts for less, and how much a long text is held against it."""
_LEAST = 0.2
"""Of the best one's score; what has less is not shown."""
_LITTLE = 0.1
"""What a small word is worth, of another's worth: something, if there are only such words."""

Piece = tuple[str, bool]
"""Some of a text, and whether it is what was looked for."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A section that was found, and the part of it that says why."""

    section: Section
    score: float
    snippet: tuple[Piece, ...]


class Index:
    """The sections of a guide, by their words."""

    def __init__(self, sections: Iterable[Section], language: str) -> None:
        self._language = language
        self._sections = tuple(sections)
        titles = {each.chapter: each.title for each in self._sections if not each.anchor}
        self._weights: dict[str, dict[int, float]] = {}
        lengths = []
        for number, section in enumerate(self._sections):
            text = Counter(word for word, _, _ in words(section.text))
            lengths.append(text.total() + 1)
            self._put(number, section.title, _TITLE)
            self._put(number, " ".join(section.words), _NAMED)
            self._put(number, titles.get(section.chapter, ""), _CHAPTER)
            for word, times in text.items():
                self._add(word, number, _TEXT * times)
        middle = sum(lengths) / max(1, len(lengths))
        self._length = [_K * (1 - _B + _B * length / middle) for length in lengths]

    def find(self, question: str) -> list[Hit]:
        """The sections that fit a question best, the best first. Any text may be a question."""
        asked = list(dict.fromkeys(word for word, _, _ in words(question[:LONGEST])))[:_MOST_WORDS]
        scores: dict[int, float] = {}
        likes: dict[str, Mapping[str, float]] = {}
        worth = {}
        for word in asked:
            likes[word] = self._like(word)
            met = self._met(likes[word])
            worth[word] = log(1 + (len(self._sections) - len(met) + 0.5) / (len(met) + 0.5))
            if word in SMALL[self._language]:
                worth[word] *= _LITTLE
            for number, times in met.items():
                score = worth[word] * times / (times + self._length[number])
                scores[number] = scores.get(number, 0.0) + score
        covered = self._covered(likes, worth)
        for number in scores:
            scores[number] *= covered.get(number, 0.0)
        best = sorted(scores.items(), key=itemgetter(1), reverse=True)[:_HITS]
        small = SMALL[self._language]
        telling = [likes[word] for word in asked if word not in small] or list(likes.values())
        marked = {each: like for found in telling for each, like in found.items()}
        return [
            Hit(self._sections[number], score, snippet(self._sections[number].text, marked))
            for number, score in best
            if score >= _LEAST * best[0][1]
        ]

    def _put(self, number: int, text: str, weight: float) -> None:
        for word, _, _ in words(text):
            self._add(word, number, weight)

    def _add(self, word: str, number: int, weight: float) -> None:
        at = self._weights.setdefault(word, {})
        at[number] = at.get(number, 0.0) + weight

    def _like(self, asked: str) -> Mapping[str, float]:
        """The words of the guide that are like one, and how far."""
        found = ((word, likeness(asked, word, self._language)) for word in self._weights)
        return {word: like for word, like in found if like}

    def _met(self, like: Mapping[str, float]) -> dict[int, float]:
        """How much of a word each section has, as far as its words are like it."""
        met: dict[int, float] = {}
        for word, far in like.items():
            for number, weight in self._weights[word].items():
                met[number] = met.get(number, 0.0) + far * weight
        return met

    def _covered(
        self, likes: Mapping[str, Mapping[str, float]], worth: Mapping[str, float]
    ) -> dict[int, float]:
        """How much of what was asked each section speaks of at all: 0 to 1."""
        whole = sum(worth.values()) or 1.0
        covered: dict[int, float] = {}
        for asked, like in likes.items():
            nearest: dict[int, float] = {}
            for word, far in like.items():
                for number in self._weights[word]:
                    nearest[number] = max(nearest.get(number, 0.0), far)
            for number, far in nearest.items():
                covered[number] = covered.get(number, 0.0) + worth[asked] * far / whole
        return covered


def snippet(text: str, like: Mapping[str, float]) -> tuple[Piece, ...]:
    """The part of a text with most of the words that are `like` what was asked, those marked."""
    found = [(word, start, end) for word, start, end in words(text) if word in like]
    first = max(
        (start for _, start, _ in found),
        key=lambda at: sum(
            {w: like[w] for w, start, end in found if at <= start and end <= at + _SNIPPET}.values()
        ),
        default=0,
    )
    first = text.rfind(" ", 0, max(0, first - _SNIPPET // 4)) + 1 if first > _SNIPPET // 4 else 0
    last = len(text) if first + _SNIPPET >= len(text) else text.rfind(" ", first, first + _SNIPPET)
    last = last if last > first else min(len(text), first + _SNIPPET)
    pieces: list[Piece] = [("… ", False)] if first else []
    at = first
    for _, start, end in found:
        if first <= start and end <= last:
            pieces += [(text[at:start], False), (text[start:end], True)]
            at = end
    pieces += [(text[at:last], False), (" …", False)] if last < len(text) else [(text[at:], False)]
    return tuple(each for each in pieces if each[0])


@cache
def index(language: str) -> Index:
    """That of the guide in a language. Raises GuideError."""
    return Index(book(language).sections(), language)


@lru_cache(maxsize=512)
def find(language: str, question: str) -> list[Hit]:
    """What of the guide fits a question; the same question is looked up once."""
    return index(language).find(question)
