"""Terminals as administrators change them: name, list, place, and new ones. The caller commits.

`company` is whose administrator acts; None is whoever runs the platform, whom no company binds.
Time in which a terminal stood with another company is that company's: nobody else takes it back.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, union_all, update

from cloud import text
from cloud.companies.tables import divisions, sites
from cloud.errors import ConflictError, InvalidError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.stale import refuse_stale
from cloud.terminals import service
from cloud.terminals.tables import assignments, enrolments, terminals
from cloud.times import now_ms, rfc3339
from protocol.enrolment import Request, read_request
from protocol.errors import ProtocolError
from protocol.identity import group, parse_device_number

LISTS = ("active", "inactive")
"""Between these an administrator moves a terminal; the other statuses are the operator's."""


def terminal_name(name: str) -> str | None:
    """A terminal's name, tidied; None when it is empty. Raises InvalidError."""
    return text.name(name, _("the terminal's name")) if name.strip() else None


def shown(row: Row[Any]) -> dict[str, str]:
    """What a form shows of a terminal."""
    return {"name": row.name or ""}


def rename(
    conn: Connection, terminal: int, name: str | None, was: Mapping[str, str]
) -> dict[str, str | None]:
    """Name a terminal anew; what changed. `was` is what the form showed.

    Raises NotFoundError, StaleError.
    """
    row = _row(conn, terminal)
    if row.name == name:
        return {}
    refuse_stale(was, shown(row))
    conn.execute(update(terminals).where(terminals.c.id == terminal).values(name=name))
    return {"name": name}


def set_list(conn: Connection, terminal: int, status: str) -> bool:
    """Put a terminal on the list of the active or the inactive; whether that changed anything.

    Raises NotFoundError, InvalidError, ConflictError.
    """
    if status not in LISTS:
        raise InvalidError(_("Choose active or inactive."))
    row = _row(conn, terminal)
    if row.status not in LISTS:
        raise ConflictError(
            _("The terminal was taken out of use by whoever runs the platform; ask there.")
        )
    if row.status == status:
        return False
    service.set_status(conn, terminal, status)
    return True


def move(
    conn: Connection, company: int | None, terminal: int, site: int, from_ms: int
) -> dict[str, Any]:
    """Have a terminal stand at a site from a moment on; what the trail tells of it.

    Raises NotFoundError, ConflictError.
    """
    name = _site(conn, company, site)
    _row(conn, terminal)
    _refuse_foreign(conn, company, terminal, from_ms)
    service.assign(conn, terminal, site, from_ms)
    return {"site": name, "from": rfc3339(from_ms)}


def leave(conn: Connection, company: int | None, terminal: int, at_ms: int) -> dict[str, Any]:
    """Have a terminal stand nowhere from a moment on; what the trail tells of it.

    Raises NotFoundError, ConflictError.
    """
    _row(conn, terminal)
    _refuse_foreign(conn, company, terminal, at_ms)
    if _assigned(conn, terminal, at_ms) is None:
        raise ConflictError(_("It stands at no site at that moment; choose a later one."))
    service.release(conn, terminal, at_ms)
    return {"from": rfc3339(at_ms)}


def checked_device(typed: str) -> str:
    """A device number as typed, compact. Raises InvalidError."""
    try:
        return parse_device_number(typed)
    except ValueError:
        raise InvalidError(
            _(
                "%(number)s is no device number: it has ten characters and one to check them, such"
                " as ABCDE-12345-X; read it from the terminal again."
            )
            % {"number": typed[:40]}
        ) from None


def checked_request(message: bytes) -> Request:
    """A certificate request, checked. Raises InvalidError."""
    try:
        return read_request(message)
    except ProtocolError:
        raise InvalidError(
            _(
                "This file is no certificate request, or was changed; take the one that"
                " `pointeuse provision csr` writes on the terminal."
            )
        ) from None


def enrol(
    conn: Connection,
    company: int | None,
    message: bytes,
    *,
    device: str,
    name: str | None,
    site: int,
    from_ms: int,
) -> int:
    """Add a terminal by its device number and its certificate request; its id.

    The request is kept for whoever signs it. Raises InvalidError, NotFoundError, ConflictError.
    """
    request = checked_request(message)
    if request.device != device:
        raise InvalidError(
            _("This is the request of terminal %(other)s; take that of %(number)s.")
            % {"other": group(request.device), "number": group(device)}
        )
    made = service.register(conn, request.identity, name)
    _refuse_known(conn, _row(conn, made))
    move(conn, company, made, site, from_ms)
    conn.execute(insert(enrolments).values(terminal_id=made, request=message, at_ms=now_ms()))
    return made


def request_of(conn: Connection, terminal: int) -> bytes:
    """The certificate request that a terminal was added with. Raises NotFoundError."""
    found = conn.execute(
        select(enrolments.c.request).where(enrolments.c.terminal_id == terminal)
    ).scalar()
    if found is None:
        raise NotFoundError(_("the terminal was not added with a request; make one on it"))
    return bytes(found)


def _refuse_known(conn: Connection, row: Row[Any]) -> None:
    """A terminal that stands or stood somewhere, or was taken out of use, is nobody's to add."""
    placed = select(assignments.c.terminal_id).where(assignments.c.terminal_id == row.id)
    asked = select(enrolments.c.terminal_id).where(enrolments.c.terminal_id == row.id)
    if row.status in LISTS and conn.execute(union_all(placed, asked).limit(1)).first() is None:
        return
    raise ConflictError(
        _(
            "Terminal %(number)s is registered already: look for it on your lists. If it is not on"
            " them, have whoever runs the platform move it to you."
        )
        % {"number": group(row.device)}
    )


def _refuse_foreign(conn: Connection, company: int | None, terminal: int, from_ms: int) -> None:
    if company is None:
        return
    foreign = conn.execute(
        select(assignments.c.to_ms)
        .join(sites, sites.c.id == assignments.c.site_id)
        .join(divisions, divisions.c.id == sites.c.division_id)
        .where(assignments.c.terminal_id == terminal, divisions.c.company_id != company)
        .where(or_(assignments.c.to_ms.is_(None), assignments.c.to_ms > from_ms))
        .order_by(assignments.c.from_ms.desc())
        .limit(1)
    ).first()
    if foreign is None:
        return
    raise ConflictError(
        _("At that moment it did not stand with your company; choose a later one, or have whoever"
          " runs the platform enter it.")
    )  # fmt: skip


def _assigned(conn: Connection, terminal: int, at_ms: int) -> Row[Any] | None:
    return conn.execute(
        select(assignments.c.id).where(
            assignments.c.terminal_id == terminal,
            assignments.c.from_ms < at_ms,
            or_(assignments.c.to_ms.is_(None), assignments.c.to_ms > at_ms),
        )
    ).first()


def _site(conn: Connection, company: int | None, site: int) -> str:
    query = (
        select(sites.c.name, sites.c.closed_ms, divisions.c.company_id)
        .join(divisions, divisions.c.id == sites.c.division_id)
        .where(sites.c.id == site)
    )
    row = conn.execute(query).one_or_none()
    if row is None or company not in (None, row.company_id):
        raise NotFoundError(_("There is no such site."))
    if row.closed_ms is not None:
        raise ConflictError(_("The site is closed; open it again first, or choose another."))
    return str(row.name)


def _row(conn: Connection, terminal: int) -> Row[Any]:
    row = conn.execute(
        select(terminals).where(terminals.c.id == terminal).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFoundError(_("There is no such terminal."))
    return row
