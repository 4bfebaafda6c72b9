"""Regular expressions from a configuration file, refused when some line could stall them.

`re` backtracks and has no time limit, and the lines come from hardware anybody can plug a scanner
into. So a pattern is read here before it is compiled: no repeated groups (the exponential case),
no look-around, no back-references, and a product of the choices of its quantifiers (the
polynomial case) that a line of LONGEST_LINE characters cannot make large.
"""

import re
import warnings
from collections.abc import Iterator

LONGEST_LINE = 128
"""Characters of a line at most; also what an unbounded quantifier counts for."""
_MOST_CHOICES = 10_000_000
_LONGEST_PATTERN = 256
_GROUPS = {"badge", "employer", "worker"}

_TOKEN = re.compile(
    r"""
    (?P<atom>    \\. | \[\^?\]?(?:\\.|[^\]\\])*\] | [^\\()\[{}*+?|] )
  | (?P<open>    \((?:\?(?:P<\w+>|:)|(?!\?)) )
  | (?P<close>   \) )
  | (?P<either>  \| )
  | (?P<repeat>  (?: [*+?] | \{(?P<low>\d*)(?P<comma>,)?(?P<high>\d*)\} ) [?+]? )
    """,
    re.VERBOSE | re.DOTALL,
)


def compile_pattern(text: str) -> re.Pattern[str]:
    """Compile `text`. Raises ValueError naming what is wrong with it."""
    if len(text) > _LONGEST_PATTERN:
        raise ValueError(f"`pattern` has {len(text)} characters; {_LONGEST_PATTERN} at most")
    try:
        with warnings.catch_warnings():
            # What `re` warns of means another thing in a later Python.
            warnings.simplefilter("error")
            compiled = re.compile(text, re.ASCII)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise ValueError(f"`pattern` is no regular expression: {error}") from error
    if "badge" not in compiled.groupindex:
        raise ValueError("`pattern` has no group named badge; write it as (?P<badge>...)")
    if unknown := set(compiled.groupindex) - _GROUPS:
        raise ValueError(
            f"`pattern` names a group {min(unknown)}; badge, employer and worker are known"
        )
    if _choices(text) > _MOST_CHOICES:
        raise ValueError(
            "`pattern` could take too long on some line: give its repeats bounds, as in {1,12}"
        )
    return compiled


def _choices(text: str) -> int:
    """An upper bound on the ways a line may be tried, short of what one pass over it costs."""
    product = 1
    previous = ""
    for token in _tokens(text):
        kind = token.lastgroup
        if kind == "either":
            product *= 2
        elif token["repeat"]:
            if previous == "close" and token["repeat"][0] != "?":
                raise ValueError("`pattern` repeats a group; write the repeats out instead")
            product *= _repeat_choices(token)
        previous = "repeat" if token["repeat"] else str(kind)
    return product


def _tokens(text: str) -> Iterator[re.Match[str]]:
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None or _is_back_reference(token):
            raise ValueError(
                f"`pattern` holds something not allowed here, at {text[position : position + 8]!r}:"
                " only characters, classes, plain and named groups, |, and repeats are"
            )
        yield token
        position = token.end()


def _is_back_reference(token: re.Match[str]) -> bool:
    return bool(re.fullmatch(r"\\[1-9]", token["atom"] or ""))


def _repeat_choices(token: re.Match[str]) -> int:
    if token["repeat"][0] == "?":
        return 2
    if token["repeat"][0] in "*+":
        return LONGEST_LINE
    low = int(token["low"] or 0)
    if not token["comma"]:
        return 1
    high = min(int(token["high"] or LONGEST_LINE), LONGEST_LINE)
    return max(high - low + 1, 1)
