"""The language somebody wants: chosen before, or else the one their browser asks for."""

from cloud.languages.current import LANGUAGES

_LONGEST = 200
_MOST = 20


def chosen(cookie: str, accepted: str) -> str:
    """One of LANGUAGES: what was chosen (`cookie`), or the best of `accepted`, or English.

    `accepted` is an Accept-Language header (RFC 9110 section 12.5.4); one that cannot be read says
    nothing.
    """
    if cookie in LANGUAGES:
        return cookie
    wanted: list[tuple[float, str]] = []
    for part in accepted[:_LONGEST].lower().split(",")[:_MOST]:
        tag, _, weight = part.partition(";")
        code = tag.strip().partition("-")[0]
        if code in LANGUAGES and (quality := _quality(weight)) > 0:
            wanted.append((quality, code))
    return max(wanted, key=lambda each: each[0])[1] if wanted else LANGUAGES[0]


def _quality(weight: str) -> float:
    """A weight such as ` q=0.8`: 1 where there is none, 0 where it is none."""
    name, _, value = weight.strip().partition("=")
    if not name:
        return 1.0
    digits = value.strip()
    if name.strip() != "q" or not digits.isascii() or not digits.replace(".", "", 1).isdigit():
        return 0.0
    return min(float(digits), 1.0)
