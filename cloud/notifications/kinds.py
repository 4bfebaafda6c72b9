"""What people are told of, and in which words."""

from collections.abc import Mapping
from enum import StrEnum

from cloud.custody import saying
from cloud.languages import formats
from cloud.languages.current import gettext as _
from cloud.languages.current import mark


class Kind(StrEnum):
    """What a notification is about."""

    SILENT = "terminal-silent"
    CERTIFICATE = "certificate-ageing"
    QUEUE = "queue-growing"
    GAP = "gap"
    FORK = "fork"
    INVITATION = "invitation"
    PRIVATE = "private-company"
    WEBHOOK_ENDED = "webhook-ended"
    WEBHOOK_MISSED = "webhook-missed"


NAMES = {
    Kind.SILENT: mark("A terminal is silent"),
    Kind.CERTIFICATE: mark("A terminal's certificate is about to end"),
    Kind.QUEUE: mark("A terminal's queue grows"),
    Kind.GAP: mark("Records of a terminal are missing"),
    Kind.FORK: mark("A terminal has a copy"),
    Kind.INVITATION: mark("You are invited"),
    Kind.PRIVATE: mark("An employer nobody registered was met"),
    Kind.WEBHOOK_ENDED: mark("A webhook was given up"),
    Kind.WEBHOOK_MISSED: mark("A webhook did not take an event"),
}
"""What screens and mails call them."""

_SENTENCES = {
    Kind.SILENT: mark(
        "Terminal %(device)s has told nothing since %(since)s. What is registered meanwhile is on"
        " it; check its power and network."
    ),
    Kind.CERTIFICATE: mark(
        "The certificate of terminal %(device)s ends on %(until)s: without a new one it cannot"
        " reach the platform then. Have its request signed again."
    ),
    Kind.QUEUE: mark(
        "Terminal %(device)s holds %(queue)s records without a receipt, and more by the minute;"
        " check its network."
    ),
    Kind.GAP: mark(
        "Of terminal %(device)s %(alarm)s. Ask for what was registered then, and enter it."
    ),
    Kind.FORK: mark(
        "Terminal %(device)s: %(alarm)s. Whoever runs the platform decides which counts."
    ),
    Kind.INVITATION: mark("%(company)s invites you; open the link in the mail before %(until)s."),
    Kind.PRIVATE: mark(
        "At %(site)s somebody tapped who works for %(vat)s, which nobody registered. Have it"
        " register: what its workers tapped becomes its own then."
    ),
    Kind.WEBHOOK_ENDED: mark(
        "Webhook %(name)s is sent nothing any more: for three days its server took nothing, or it"
        " answered that it is gone for good. Mend it, and activate the webhook again: what it is"
        " owed follows."
    ),
    Kind.WEBHOOK_MISSED: mark(
        "Webhook %(name)s takes events, but of one of them it took none of the tries of three days."
        " Look at what its server answered, mend it, and send the event again."
    ),
}


def sentence(kind: Kind, detail: Mapping[str, object]) -> str:
    """What a notification says, in the current language. `detail` is as it was written."""
    words = {name: formats.shown(value) for name, value in detail.items()}
    if "alarm" in words:
        words["alarm"] = saying.told(str(words["alarm"]))
    return _(_SENTENCES[kind]) % _Lenient(words)


class _Lenient(dict[str, object]):
    """A translation may name what an older notification did not have."""

    def __missing__(self, key: str) -> object:
        return "?"
