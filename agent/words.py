"""What a worker is told, in the languages of a Belgian site, on a screen and on a reader's display.

A display shows 16 characters, of ASCII only (OSDP 2.2, TEXT command): its words keep within that.
"""

from typing import Literal, NamedTuple

from agent.reads import Feedback
from protocol.badges import Flag

Language = Literal["en", "fr", "nl", "de"]
DISPLAY = 16
"""Characters on a reader's display at least."""


class Reason(NamedTuple):
    """Why somebody is told more than "recorded"."""

    screen: str
    display: str


class Words(NamedTuple):
    """One language."""

    outcomes: dict[Feedback, str]
    """For a screen."""
    reasons: dict[Flag, Reason]
    """Weightiest first."""
    office: str
    """What somebody with a reason does."""
    again: str
    """TRY_AGAIN, for a display."""
    broken: str
    """OUT_OF_ORDER, for a display."""


def _words(outcomes: str, reasons: str, office: str, again: str, broken: str) -> Words:
    """The words of a language; `outcomes` and `reasons` one a line, in the order of _ORDER."""
    screens = dict(zip(Feedback, outcomes.splitlines(), strict=True))
    told = (Reason(*map(str.strip, line.split("|"))) for line in reasons.splitlines())
    return Words(screens, dict(zip(_ORDER, told, strict=True)), office, again, broken)


_ORDER = (
    Flag.BLOCKED,
    Flag.UNAUTHENTIC,
    Flag.EXPIRED,
    Flag.NOT_YET_VALID,
    Flag.OTHER_PROFILE,
    Flag.LOW_ASSURANCE,
)

WORDS: dict[Language, Words] = {
    "en": _words(
        """recorded
recorded, will be sent later
recorded
already recorded
not read: try again
out of order: not recorded""",
        """badge blocked | BLOCKED
badge not proved genuine | NOT GENUINE
badge expired | EXPIRED
badge not valid yet | NOT VALID YET
badge not accepted here | OTHER BADGE
badge not identified surely enough | NOT SURE ENOUGH""",
        "see the site office",
        "TRY AGAIN",
        "OUT OF ORDER",
    ),
    "fr": _words(
        """enregistré
enregistré, sera envoyé plus tard
enregistré
déjà enregistré
non lu : réessayez
en panne : non enregistré""",
        """badge bloqué | BLOQUE
authenticité du badge non prouvée | NON AUTHENTIQUE
badge expiré | EXPIRE
badge pas encore valable | PAS ENC. VALABLE
badge non accepté ici | AUTRE BADGE
badge identifié trop peu sûrement | PAS ASSEZ SUR""",
        "voyez le bureau du chantier",
        "REESSAYEZ",
        "EN PANNE",
    ),
    "nl": _words(
        """geregistreerd
geregistreerd, wordt later verzonden
geregistreerd
al geregistreerd
niet gelezen: probeer opnieuw
buiten dienst: niet geregistreerd""",
        """badge geblokkeerd | GEBLOKKEERD
echtheid van de badge niet bewezen | NIET ECHT
badge vervallen | VERVALLEN
badge nog niet geldig | NOG NIET GELDIG
badge hier niet aanvaard | ANDERE BADGE
badge niet zeker genoeg herkend | NIET ZEKER""",
        "ga naar het werfkantoor",
        "PROBEER OPNIEUW",
        "BUITEN DIENST",
    ),
    "de": _words(
        """erfasst
erfasst, wird später gesendet
erfasst
schon erfasst
nicht gelesen: noch einmal versuchen
außer Betrieb: nicht erfasst""",
        """Ausweis gesperrt | GESPERRT
Echtheit des Ausweises nicht bewiesen | NICHT ECHT
Ausweis abgelaufen | ABGELAUFEN
Ausweis noch nicht gültig | NOCH NICHT GUELT
Ausweis hier nicht zugelassen | ANDERER AUSWEIS
Ausweis nicht sicher genug erkannt | NICHT SICHER""",
        "bitte zum Baubüro",
        "NOCH EINMAL",
        "AUSSER BETRIEB",
    ),
}


def reasons(flags: Flag, language: Language = "en") -> list[str]:
    """What a screen says of a badge with these flags, weightiest first."""
    return [why.screen for flag, why in WORDS[language].reasons.items() if flag in flags]


def display(feedback: Feedback, flags: Flag, language: Language) -> str:
    """What a reader's display says, at most DISPLAY characters of ASCII.

    Empty when the tap was recorded and there is nothing to add: a sign does.
    """
    words = WORDS[language]
    if feedback is Feedback.TRY_AGAIN:
        return words.again
    if feedback is Feedback.OUT_OF_ORDER:
        return words.broken
    return next((why.display for flag, why in words.reasons.items() if flag in flags), "")
