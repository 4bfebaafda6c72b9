"""What alarms say, in the language of whoever reads them.

Kept is which sentence it is and what stands in it, never the sentence. Alarms older than that keep
an English one, which is shown as it is.
"""

import json
from collections.abc import Callable, Mapping
from enum import StrEnum

from cloud.languages.current import gettext, mark


class What(StrEnum):
    """What somebody has to look at; its kind is the part before the colon."""

    GONE = "gap:gone"
    LOST = "gap:lost"
    LOST_ON = "gap:lost-on"
    COPY = "fork:copy"
    ABSENT = "custody:absent"
    UNPROVED = "unproved:carried"
    RESTORED = "restored:generation"
    ERASURES = "erasures:behind"
    REJECTED = "rejected-cap:kept"
    NOBODY = "administrator:none"
    REATTRIBUTION = "reattribution:failed"

    @property
    def kind(self) -> str:
        """The kind, as programs and commands name it."""
        return self.value.partition(":")[0]


SENTENCES = {
    What.GONE: mark("records %(first)s to %(last)s are gone for good"),
    What.LOST: mark("records %(first)s to %(last)s of epoch %(epoch)s are lost: %(why)s"),
    What.LOST_ON: mark(
        "records from %(first)s on of epoch %(epoch)s are lost: %(why)s; nobody knows how many, if"
        " any"
    ),
    What.COPY: mark(
        "two chains of epoch %(epoch)s from seq %(first)s on, branch %(branch)s: a copy of this"
        " terminal's storage is in use, or its key is"
    ),
    What.ABSENT: mark(
        "records %(first)s to %(last)s of epoch %(epoch)s are not in the database"
    ),
    What.UNPROVED: mark(
        "record %(seq)s was carried over from a damaged journal: the record before it is lost, so"
        " that its body is not proved"
    ),
    What.RESTORED: mark(
        "the database says generation %(inside)s, the file 'generation' %(outside)s: an older"
        " database was put in its place, or somebody raised the number. Terminals send again what"
        " it lacks only when the number is above every one they have seen"
    ),
    What.ERASURES: mark(
        "the log of erasures ends at %(written)s, the database at %(before)s: the file"
        " 'erasures.jsonl' was put back from an older backup, or lost. A database from an older"
        " backup still has what only the newer lines would erase again"
    ),
    What.REJECTED: mark(
        "device %(device)s: %(most)s refused messages are kept, further ones are not"
    ),
    What.NOBODY: mark(
        "company %(company)s has no administrator any more: its account was closed"
    ),
    What.REATTRIBUTION: mark(
        "registrations were not attributed anew, because the program failed at %(where)s; see its"
        " log, then assign again whatever was assigned"
    ),
}  # fmt: skip
KINDS = {
    "gap": mark("records missing"),
    "fork": mark("a copy in use"),
    "custody": mark("records not found"),
    "unproved": mark("not proved"),
    "restored": mark("an older database"),
    "erasures": mark("erasures missing"),
    "rejected-cap": mark("too many refused messages"),
    "administrator": mark("no administrator"),
    "reattribution": mark("not attributed anew"),
}
"""What screens call the kinds."""
WHY = frozenset(
    {
        mark("no head proves them in what is left of the journal"),
        mark("the journal was damaged: how far it went is not known"),
        mark("journal.sqlite was missing"),
    }
)
"""Why a terminal lost records, in its own words; what else it says is shown as it said it."""


def kept(what: What, values: Mapping[str, object]) -> str:
    """What the database keeps of an alarm; of the same one the same."""
    return json.dumps({"what": what, **values}, ensure_ascii=False, sort_keys=True)


def words(what: What, values: Mapping[str, object], say: Callable[[str], str] = gettext) -> str:
    """The sentence, in the current language, or as `say` has it."""
    told = {key: say(each) if each in WHY else each for key, each in values.items()}
    return say(SENTENCES[what]) % told


def told(detail: str, say: Callable[[str], str] = gettext) -> str:
    """What was `kept`, in words. What is none of it is a sentence of before, and stays as it is."""
    try:
        values = json.loads(detail)
        what = What(values.pop("what"))
        return words(what, values, say)
    except (ValueError, TypeError, AttributeError, KeyError):
        return detail


def kind(name: str) -> str:
    """What the current language calls a kind."""
    return gettext(KINDS[name]) if name in KINDS else name
