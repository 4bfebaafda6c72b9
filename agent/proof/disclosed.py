"""A disclosure in words and in JSON: which record it is, what it says, and what that proves."""

from collections.abc import Iterator
from typing import Any

import msgspec

from agent.proof.words import rfc3339
from protocol.badges import Badge
from protocol.bodies import Body, Direction, Kind
from protocol.disclosure import Disclosure
from protocol.identity import device_number
from protocol.keys import VerifyKey
from protocol.salvaged import carried_body


class Proved(msgspec.Struct, frozen=True):
    """A disclosure that is true: the record as it stands in the chain, the one meant, the badge."""

    file: str
    stands: Body
    body: Body
    badge: Badge | None
    shown: Disclosure


def prove(file: str, raw: bytes, key: VerifyKey) -> Proved:
    """Check a disclosure. Raises MalformedError, and the errors of `Disclosure.verify`."""
    shown = Disclosure.decode(raw)
    stands, badge = shown.verify(key)
    body = carried_body(stands) if stands.kind == Kind.SALVAGED else stands
    return Proved(file, stands, body, badge, shown)


def as_json(proved: Proved) -> dict[str, Any]:
    """One JSON object."""
    body, badge = proved.body, proved.badge
    return {
        "file": proved.file,
        "kind": "disclosure",
        "ok": True,
        "device": device_number(body.terminal),
        "thumbprint": body.terminal.hex(),
        "key": "given",
        "stands": {"epoch": proved.stands.epoch.hex(), "seq": proved.stands.seq},
        "record": {
            "epoch": body.epoch.hex(),
            "seq": body.seq,
            "kind": _name(Kind, body.kind),
            "wall_clock": rfc3339(body.time.wall_ms),
            "sync": body.time.sync.name.lower(),
            "bound_ms": body.time.bound_ms,
            "reader": body.reader,
            "direction": None if body.direction is None else _name(Direction, body.direction),
        },
        "badge": None
        if badge is None
        else {
            "number": badge.number,
            "profile": badge.profile,
            "assurance": badge.assurance.label,
            "employer": badge.employer,
            "worker": badge.worker,
        },
        "why_no_badge": None if badge is not None else _why_none(proved),
    }


def as_lines(proved: Proved) -> Iterator[str]:
    """For people: one thing a line."""
    body, badge = proved.body, proved.badge
    yield f"{'file':11}{proved.file}, a disclosure"
    yield f"{'terminal':11}{device_number(body.terminal)}, thumbprint {body.terminal.hex()}"
    yield f"{'key':11}the one given"
    yield f"{'record':11}{_name(Kind, body.kind)} {body.seq} of epoch {body.epoch.hex()}"
    if proved.stands != body:
        stands = proved.stands
        yield f"{'':11}carried over as record {stands.seq} of epoch {stands.epoch.hex()}"
    yield f"{'time':11}{_time(body)}"
    if body.reader is not None:
        direction = "" if body.direction is None else f", {_name(Direction, body.direction)}"
        yield f"{'reader':11}{body.reader}{direction}"
    if badge is None:
        yield f"{'badge':11}{_why_none(proved)}"
    else:
        yield f"{'badge':11}{badge.number} ({badge.profile}, {badge.assurance.label})"
        for word, value in (("employer", badge.employer), ("worker", badge.worker)):
            if value is not None:
                yield f"{word:11}{value}"
    yield f"{'proved':11}the terminal signed this record, and nothing in it was changed"
    yield f"{'ends':11}with this record: nothing is said of any other, nor of who held the badge"


def _why_none(proved: Proved) -> str:
    if proved.body.blob_ref is None:
        return "none: the record names nobody"
    if proved.shown.blob is None:
        return "not shown: the sealed part is erased, or withheld"
    return "not shown: the sealed part is here, its key is withheld"


def _time(body: Body) -> str:
    time = body.time
    bound = "" if time.bound_ms is None else f", within {time.bound_ms} ms"
    clock = time.sync.name.lower()
    return f"{rfc3339(time.wall_ms)} by the terminal's clock, which was {clock}{bound}"


def _name(names: type[Kind] | type[Direction], number: int) -> str:
    try:
        return names(number).name.lower().replace("_", "-")
    except ValueError:
        return str(number)
