"""The text of a file that a spreadsheet saved as CSV, or why its letters would be misread.

UTF-8 with or without a mark, UTF-16 with one, or else Windows-1252, as Excel saves "CSV". What is
something else is refused by name: a name with wrong letters in it is worse than a list refused.
"""

import re

from cloud.errors import InvalidError
from cloud.languages.current import gettext as _

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_DOS = re.compile(
    # What é, â, ä, ê and ë are in CP850, read as Windows-1252: no such sign ends a word.
    "[^\\W\\d_][\u201a\u0192\u201e\u02c6\u2030]"
    # What à, å, ç, ï, ô, ö and ò are: a dot or a quote, between two letters.
    "|[^\\W\\d_][\u2026\u2020\u2021\u2039\u201c\u201d\u2022](?=[^\\W\\d_])"
    # What è and î are: a capital within a word.
    "|[a-z][\u0160\u0152]"
)
_MISREAD = re.compile("[\u0080-\u009f\u2500-\u259f\ufffd]")
"""Control and box characters: what is left of letters that were read in a wrong encoding before."""


def text(content: bytes) -> str:
    """The text of a file. Raises InvalidError naming the encoding, and how to save it anew."""
    for beginning, encoding in _MARKS:
        if content.startswith(beginning):
            return _checked(_decoded(content, encoding))
    if b"\0" in content:
        raise InvalidError(_("the file looks like UTF-16 without its mark; save it as CSV (UTF-8)"))
    try:
        found = content.decode()
    except UnicodeDecodeError:
        found = _windows(content)
    return _checked(found)


def _windows(content: bytes) -> str:
    """Text in Windows-1252. Raises InvalidError for what is rather MS-DOS's CP850."""
    try:
        found = content.decode("cp1252")
    except UnicodeDecodeError:
        found = None
    if found is None or _DOS.search(found):
        raise InvalidError(
            _(
                "the file looks like CP850, which Excel calls CSV (MS-DOS): accented letters would"
                " be misread; save it as CSV (UTF-8)"
            )
        )
    return found


def _checked(found: str) -> str:
    wrong = _MISREAD.search(found)
    if wrong is not None:
        raise InvalidError(
            _(
                "line %(line)d: its letters were misread when the file was made (%(sign)s); save"
                " the list anew from its source, as CSV (UTF-8)"
            )
            % {"line": found.count("\n", 0, wrong.start()) + 1, "sign": ascii(wrong[0])}
        )
    return found


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise InvalidError(
            _("the file is no text in %(encoding)s (byte %(byte)d); save it as CSV (UTF-8)")
            % {"encoding": encoding, "byte": error.start}
        ) from None
