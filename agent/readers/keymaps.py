"""Which characters a reader that types means: key codes of Linux on US and Belgian layouts.

A wedge sends the keys that a keyboard of its layout would; only printable ASCII is known here, and
of the Belgian layout what card numbers are made of.
"""

from agent.readers.wedge_config import Keymap

_ROWS = {2: "1234567890-=", 16: "qwertyuiop[]", 30: "asdfghjkl;'", 43: "\\zxcvbnm,./"}
_SHIFTED_ROWS = {2: "!@#$%^&*()_+", 16: "QWERTYUIOP{}", 30: 'ASDFGHJKL:"', 43: "|ZXCVBNM<>?"}
_BELGIAN = {16: "azertyuiop", 30: "qsdfghjklm", 44: "wxcvbn,;:=", 86: "<"}
_BELGIAN_DIGITS = {2: "&", 4: '"', 5: "'", 6: "(", 9: "!", 12: ")", 13: "-"}
_BELGIAN_SHIFTED = {
    2: "1234567890",
    13: "_",
    16: "AZERTYUIOP",
    30: "QSDFGHJKLM",
    44: "WXCVBN?./+",
    86: ">",
}
_KEYPAD = {71: "789-456+1230.", 98: "/", 55: "*"}
_SPACE = {57: " "}


def _spread(rows: dict[int, str]) -> dict[int, str]:
    return {first + place: key for first, row in rows.items() for place, key in enumerate(row)}


_EVERYWHERE = _spread(_KEYPAD) | _SPACE

KEYMAPS: dict[Keymap, tuple[dict[int, str], dict[int, str]]] = {
    "us": (_spread(_ROWS) | _EVERYWHERE, _spread(_SHIFTED_ROWS) | _EVERYWHERE),
    "azerty-be": (
        _spread(_BELGIAN) | _BELGIAN_DIGITS | _EVERYWHERE,
        _spread(_BELGIAN_SHIFTED) | _EVERYWHERE,
    ),
}
"""Key code to character, without and with Shift (linux/input-event-codes.h)."""
