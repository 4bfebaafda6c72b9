"""Entering workers, and saying whose badge is whose. The caller commits."""

import re
from typing import Any

from sqlalchemy import Connection, insert, select, update

from cloud import text
from cloud.apps import service as apps
from cloud.companies import vat as vats
from cloud.errors import InvalidError
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.registrations import reattribution
from cloud.rows import insert_absent
from cloud.times import now_ms
from cloud.webhooks import outbox
from cloud.webhooks.events import Event
from cloud.workers.tables import badges, workers

_PROFILE = re.compile(r"[a-z][a-z0-9-]{0,31}")
_NUMBER = re.compile(r"[0-9A-Z]{1,64}")


def put_worker(
    conn: Connection,
    company_id: int,
    number: str,
    given_name: str,
    family_name: str,
    **more: Any,
) -> int:
    """Enter a worker of a company, or change the one with this number, as `enter` does; the id.

    The company's webhooks are told. Raises InvalidError.
    """
    worker, event = enter(conn, company_id, number, given_name, family_name, **more)
    if event is not None:
        outbox.tell(conn, event, company_id, [worker])
    return worker


def enter(
    conn: Connection,
    company_id: int,
    number: str,
    given_name: str,
    family_name: str,
    *,
    active: bool | None = None,
    inss_sealed: bytes | None = None,
    inss_mark: bytes | None = None,
) -> tuple[int, Event | None]:
    """Enter a worker of a company, or change the one with this number: the id, and what happened.

    Of what is None, a worker who is known keeps what there is; a new one is active. The INSS comes
    as `cloud.workers.vault` seals and marks it. When someone becomes active or inactive, their
    registrations are attributed again. Telling the company's webhooks is left to the caller. Raises
    InvalidError.
    """
    values: dict[str, Any] = {
        "given_name": text.name(given_name, _("the given name")),
        "family_name": text.name(family_name, _("the family name")),
    }
    if active is not None:
        values["active"] = active
    if inss_sealed is not None and inss_mark is not None:
        values |= {"inss_sealed": inss_sealed, "inss_mark": inss_mark}
    tidy = text.name(number, _("the worker's number"))
    where = (workers.c.company_id == company_id) & (workers.c.number == tidy)
    known = conn.execute(select(workers).where(where)).one_or_none()
    if known is None:
        ended = {"ended_ms": now_ms()} if active is False else {}
        made = insert(workers).values(company_id=company_id, number=tidy, **values, **ended)
        worker = int(conn.execute(made.returning(workers.c.id)).scalar_one())
        return worker, Event.WORKER_CREATED
    changed = any(
        getattr(known, name) != value for name, value in values.items() if name != "inss_sealed"
    )
    set_active(conn, known.id, known.active if active is None else active)
    values.pop("active", None)
    conn.execute(update(workers).where(workers.c.id == known.id).values(**values))
    return int(known.id), Event.WORKER_CHANGED if changed else None


def set_active(conn: Connection, worker_id: int, active: bool) -> bool:
    """Make a worker active or inactive; whether that changed anything.

    Registrations are then attributed again. All apps of who becomes inactive end. Telling webhooks
    is left to the caller.
    """
    changed = conn.execute(
        update(workers)
        .where(workers.c.id == worker_id, workers.c.active.is_distinct_from(active))
        .values(active=active, ended_ms=None if active else now_ms())
    )
    if changed.rowcount == 0:
        return False
    if not active:
        apps.end_all(conn, worker_id)
    why = mark("the worker became active") if active else mark("the worker became inactive")
    for badge in conn.execute(select(badges.c.id).where(badges.c.worker_id == worker_id)).all():
        reattribution.request(conn, badge_id=badge.id, why=why)
    return True


def put_badge(conn: Connection, profile: str, number: str, *, employer: str | None = None) -> int:
    """A badge, made if it is not known; its id. `employer`: a VAT number. Raises InvalidError."""
    kind, tidy = normalise(profile, number)
    vat = None if employer is None else vats.normalise(employer)
    insert_absent(
        conn,
        badges,
        [{"profile": kind, "number": tidy, "employer_vat": vat}],
        ["profile", "number"],
    )
    return int(
        conn.execute(
            select(badges.c.id).where(badges.c.profile == kind, badges.c.number == tidy)
        ).scalar_one()
    )


def link_badge(conn: Connection, badge_id: int, worker_id: int | None) -> bool:
    """Say whose badge it is, or with None that it is nobody's; whether that changed anything.

    All registrations made with it are attributed again. Telling webhooks is left to the caller.
    """
    changed = conn.execute(
        update(badges)
        .where(badges.c.id == badge_id, badges.c.worker_id.is_distinct_from(worker_id))
        .values(worker_id=worker_id)
    )
    if changed.rowcount:
        linked, unlinked = mark("the badge was linked to a worker"), mark("the badge was unlinked")
        why = unlinked if worker_id is None else linked
        reattribution.request(conn, badge_id=badge_id, why=why)
    return changed.rowcount > 0


def normalise(profile: str, number: str) -> tuple[str, str]:
    """Profile and number as readers give them: a UID as hex in capitals, or digits.

    Raises InvalidError.
    """
    kind = profile.strip().lower()
    if not _PROFILE.fullmatch(kind):
        raise InvalidError(
            _("%(text)s is not a badge profile such as uid, em4100, printed")
            % {"text": repr(profile[:40])}
        )
    tidy = re.sub(r"[\s:.-]", "", number).upper()
    if not _NUMBER.fullmatch(tidy):
        raise InvalidError(
            _("%(text)s is not a badge number: it is digits, or hexadecimal")
            % {"text": repr(text.masked(number))}
        )
    return kind, tidy
