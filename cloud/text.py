"""Text that people enter: tidied, bounded, and free of what no name contains."""

import unicodedata

from cloud.errors import InvalidError

MAX_NAME = 200


def name(text: str, what: str) -> str:
    """`text` in Unicode's composed form, its white space single. Raises InvalidError naming `what`.

    Two spellings of one name that look the same are the same afterwards.
    """
    tidy = " ".join(unicodedata.normalize("NFC", text).split())
    if not tidy:
        raise InvalidError(f"{what} is empty; give one")
    if len(tidy) > MAX_NAME:
        raise InvalidError(f"{what} has {len(tidy)} characters; {MAX_NAME} is the most")
    for character in tidy:
        if unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn"):
            raise InvalidError(f"{what} contains U+{ord(character):04X}, which no name does")
    return tidy


def masked(number: str) -> str:
    """A badge number as screens and logs show it: its last four characters."""
    return "…" + number[-4:] if len(number) > 4 else "…"
