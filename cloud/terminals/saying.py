"""What terminals tell of themselves in words of their own, for people who speak another language.

A program of a later version may tell what is not known here: then nothing but that is said.
"""

from cloud.languages.current import gettext as _
from cloud.languages.current import mark

_GARBLED = mark("the reader sent something garbled")
_OTHER_SETTING = mark("not what the reader is set to send")
_NO_NUMBER = mark("the card has no number of its own")
_NOT_GENUINE = mark("the card did not prove that it is genuine")
REASONS = {
    "address": mark("the answer of another reader on the same line"),
    "blank": mark("the card holds an empty number"),
    "busy": mark("another program used the card"),
    "checksum": _GARBLED,
    "endless": mark("the card did not come to an end"),
    "frame": _GARBLED,
    "length": _OTHER_SETTING,
    "mute": mark("the card did not answer"),
    "no-uid": _NO_NUMBER,
    "not-a-number": mark("no number is printed in its code"),
    "parity": _GARBLED,
    "pattern": _OTHER_SETTING,
    "pulled-away": mark("taken away too soon"),
    "random-uid": _NO_NUMBER,
    "reader-error": mark("the reader reported a fault"),
    "tag-type": mark("a kind of card that is not read here"),
    "too-long": mark("longer than any badge number"),
    "uid-length": _OTHER_SETTING,
    "uid-order": _OTHER_SETTING,
    "wrong-crc": _NOT_GENUINE,
    "wrong-key": _NOT_GENUINE,
    "wrong-mac": _NOT_GENUINE,
}
"""Why a badge could not be read, by the word that telemetry counts."""
_ANOTHER_REASON = mark("another reason")

_ROOM = mark("Its disk fills: make room on it, or let it reach the platform.")
ALARMS = {
    "branch": mark("Another terminal tells in its name: a copy of its storage is in use."),
    "cannot-store": mark("It cannot store, and shows red to everybody: look at its disk at once."),
    "configuration-refused": mark(
        "It goes on with its former configuration, since it refused the new one: publish another."
    ),
    "credentials": mark("It cannot use its keys for badges: put its key file right."),
    "disk-70": _ROOM,
    "disk-85": _ROOM,
    "disk-95": _ROOM,
    "epoch-closed": mark(
        "The platform closed its chain and it began a new one: a copy of its storage may be in use."
    ),
    "journal-renewed": mark("Its journal was damaged and it began a new one: replace its disk."),
    "refused": mark("The platform refuses what it sends, and it keeps it: tell the operator."),
    "salvage": mark("It looks in a damaged journal for what can be saved."),
    "trust-not-kept": mark(
        "It cannot keep the platform's new keys: look at its disk before the old ones end."
    ),
}
"""What stands of a terminal's own alarms, and the fix."""
_ANOTHER_ALARM = mark("It raises an alarm that this version of the platform does not know.")


def reason(code: str) -> str:
    """Why a badge could not be read, in the current language."""
    return _(REASONS.get(code, _ANOTHER_REASON))


def alarm(name: str) -> str:
    """What an alarm of a terminal's own means, in the current language."""
    return _(ALARMS.get(name, _ANOTHER_ALARM))
