"""Why a terminal, or what it registered, is not visible."""

from collections.abc import Iterator

from sqlalchemy import Connection, Row, func, select

from cloud.companies.tables import divisions, sites
from cloud.errors import InvalidError
from cloud.terminals import overview
from cloud.terminals.tables import assignments, terminals
from cloud.times import now_ms, rfc3339
from cloud.visibility import arrived, condition, tapped
from cloud.visibility.explain import Explanation, active_company, elsewhere
from cloud.visibility.row_security import lifted
from cloud.visibility.rules import Viewer, visible_sites, visible_terminals
from cloud.visibility.steps import NAMED, Mender, Step, ok, stop
from protocol.identity import group, parse_device_number

_OUT_OF_USE = {
    "inactive": Mender.ADMINISTRATOR,
    "revoked": Mender.OPERATOR,
    "banned": Mender.OPERATOR,
}
"""Who takes a terminal back from where it was put: `cloud.terminals.editing` holds them to it."""
_Place = Row[int, str, str, int, int | None]
"""Where a terminal stands or stood: `company_id`, `division`, `site`, `from_ms` and `to_ms`."""


def explain(conn: Connection, seen_by: Viewer, device: str) -> Explanation:
    """Why the terminal with this device number is not visible. Raises InvalidError."""
    try:
        number = parse_device_number(device)
    except ValueError as error:
        raise InvalidError(str(error)) from None
    with lifted(conn):
        steps = [active_company(conn, seen_by), *_steps(conn, seen_by, number)]
    return Explanation(tuple(steps))


def _steps(conn: Connection, seen_by: Viewer, device: str) -> Iterator[Step]:
    shown = group(device)
    row = conn.execute(
        select(
            terminals.c.id,
            terminals.c.status,
            func.coalesce(visible_terminals(seen_by), False).label("visible"),
        ).where(terminals.c.device == device)
    ).one_or_none()
    if row is None:
        yield stop(
            "terminal",
            "No terminal {device} is registered.",
            "Check the number on the terminal; if it is right, enrol the terminal.",
            Mender.ADMINISTRATOR,
            device=shown,
        )
        return
    last = _last_place(conn, row.id)
    if last is None:
        yield stop(
            "terminal",
            "Terminal {device} is linked to no company yet.",
            "Assign it to a site.",
            Mender.ADMINISTRATOR,
            device=shown,
        )
        return
    if not row.visible:
        yield _hidden(conn, seen_by, last, shown)
        yield from _before(conn, seen_by, row.id, last)
    else:
        yield _listed(shown, row.status)
        yield _place(last)
        yield from _before(conn, seen_by, row.id, last)
        yield from condition.steps(conn, seen_by, row.id, last.from_ms)
        yield from arrived.steps(conn, seen_by, row.id)
    yield from tapped.steps(conn, seen_by, row.id)


def _hidden(conn: Connection, seen_by: Viewer, last: _Place, shown: str) -> Step:
    """Why it is on no list; of a terminal of others only that it is theirs."""
    if last.company_id == seen_by.company_id:
        return _not_granted(seen_by, shown, last.division, last.site)
    for name, other in elsewhere(conn, seen_by):
        if other.company_id == last.company_id:
            return stop(
                "terminal",
                "Terminal {device} is linked to {other}.",
                "Switch to {other}.",
                Mender.YOU,
                device=shown,
                other=name,
            )
    return stop(
        "terminal",
        "Terminal {device} is linked to another company.",
        "If it is yours, have the operator move it.",
        Mender.OPERATOR,
        device=shown,
    )


def _not_granted(seen_by: Viewer, device: str, division: str, site: str) -> Step:
    if seen_by.external:
        return stop(
            "access",
            "Terminal {device} stands at a site that is not granted to you.",
            "Ask the company's administrator for access.",
            Mender.ADMINISTRATOR,
            device=device,
        )
    return stop(
        "access",
        "Terminal {device} stands at {division} / {site}, which is not granted to you.",
        "Ask for access to the division or the site.",
        Mender.ADMINISTRATOR,
        device=device,
        division=division,
        site=site,
    )


def _listed(shown: str, status: str) -> Step:
    if status == "active":
        return ok("terminal", "Terminal {device} is on the list of active ones.", device=shown)
    return stop(
        "terminal",
        "Terminal {device} is {status}.",
        "Make it active again, if that is wrong.",
        _OUT_OF_USE[status],
        device=shown,
        status=status,
    )


def _place(last: _Place) -> Step:
    """Where a terminal stands that is visible, so that its last place is too."""
    now = now_ms()
    place = f"{last.division} / {last.site}"
    if last.to_ms is not None and last.to_ms <= now:
        return stop(
            "place",
            "It stood at {place} until {when}, and nowhere since.",
            "Assign it to a site, from the date it was put there.",
            Mender.ADMINISTRATOR,
            place=place,
            when=rfc3339(last.to_ms),
        )
    if last.from_ms > now:
        return stop(
            "place",
            "It will stand at {place} from {when} on; what it registers before belongs nowhere.",
            "Assign it from an earlier date, if that is wrong.",
            Mender.ADMINISTRATOR,
            place=place,
            when=rfc3339(last.from_ms),
        )
    since = "always" if last.from_ms == 0 else rfc3339(last.from_ms)
    return ok("place", "It stands at {place} since {since}.", place=place, since=since)


def _before(conn: Connection, seen_by: Viewer, terminal: int, last: _Place) -> Iterator[Step]:
    """Where it stood before that is reached: what it registered there is visible still."""
    stood = overview.places_of(conn, terminal, places=visible_sites(seen_by))
    earlier = [each for each in stood if each["from_ms"] < last.from_ms]
    for each in earlier[:NAMED]:
        yield ok(
            "place",
            "Before, it stood at {place}, until {when}: what it registered there is visible to"
            " you.",
            place=f"{each['division']} / {each['site']}",
            when=rfc3339(each["to_ms"]),
        )


def _last_place(conn: Connection, terminal: int) -> _Place | None:
    """The last place of all that a terminal was assigned to."""
    return conn.execute(
        select(
            divisions.c.company_id,
            divisions.c.name.label("division"),
            sites.c.name.label("site"),
            assignments.c.from_ms,
            assignments.c.to_ms,
        )
        .select_from(assignments)
        .join(sites, sites.c.id == assignments.c.site_id)
        .join(divisions, divisions.c.id == sites.c.division_id)
        .where(assignments.c.terminal_id == terminal)
        .order_by(assignments.c.from_ms.desc())
        .limit(1)
    ).one_or_none()
