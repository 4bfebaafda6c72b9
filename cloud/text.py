"""Text that people enter: tidied, bounded, and free of what no name contains."""

import unicodedata

from cloud.errors import InvalidError
from cloud.languages.current import gettext as _

MAX_NAME = 200


def name(text: str, what: str) -> str:
    """`text` in Unicode's composed form, its white space single. Raises InvalidError naming `what`.

    Two spellings of one name that look the same are the same afterwards.
    """
    tidy = " ".join(unicodedata.normalize("NFC", text).split())
    if not tidy:
        raise InvalidError(_("%(what)s is empty; give one") % {"what": what})
    if len(tidy) > MAX_NAME:
        raise InvalidError(
            _("%(what)s has %(count)d characters; %(most)d is the most")
            % {"what": what, "count": len(tidy), "most": MAX_NAME}
        )
    for character in tidy:
        if unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn"):
            raise InvalidError(
                _("%(what)s contains %(character)s, which no name does")
                % {"what": what, "character": f"U+{ord(character):04X}"}
            )
    return tidy


def masked(number: str) -> str:
    """A badge number as screens and logs show it: its last four characters."""
    return "…" + number[-4:] if len(number) > 4 else "…"
