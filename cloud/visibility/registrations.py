"""Why a registration is not visible, or not whole."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from cloud.companies.tables import divisions, sites
from cloud.languages.current import mark
from cloud.registrations.dating import dated
from cloud.registrations.holding import shown_to
from cloud.registrations.reasons import Reason
from cloud.registrations.tables import registrations
from cloud.retention import asking
from cloud.visibility.explain import Explanation, active_company, elsewhere
from cloud.visibility.row_security import lifted
from cloud.visibility.rules import Viewer, visible_registrations
from cloud.visibility.steps import Mender, Step, note, ok, restricted, stop
from cloud.workers.tables import restrictions

_REASONS = {reason.value: reason for reason in Reason}
_MENDERS = {
    Reason.CLOCK_UNSURE: Mender.INSTALLER,
    Reason.DISPUTED: Mender.OPERATOR,
}


def explain(conn: Connection, seen_by: Viewer, number: int) -> Explanation:
    """Why the registration with this id is not visible to an account."""
    with lifted(conn):
        return Explanation((active_company(conn, seen_by), *_steps(conn, seen_by, number)))


def _steps(conn: Connection, seen_by: Viewer, number: int) -> Iterator[Step]:
    this = registrations.c.id == number
    query = select(registrations.c.reason, registrations.c.corrected).where(this)
    row = conn.execute(query.where(visible_registrations(seen_by))).one_or_none()
    if row is None:
        yield _hidden(conn, seen_by, number)
        return
    yield ok("access", "Registration {number} is visible to you.", number=number)
    if row.corrected:
        yield note("clock", "Its time was corrected by a signed clock record of the terminal.")
    for word in (row.reason or "").split():
        reason = _REASONS.get(word)
        if reason is None:
            yield note("reason", "It waits for something: {word}.", word=word)
        else:
            mender = _MENDERS.get(reason, Mender.ADMINISTRATOR)
            yield note("reason", reason.advice, by=mender)


def _hidden(conn: Connection, seen_by: Viewer, number: int) -> Step:
    """Of a registration of others nothing is said, not even that it exists."""
    place = conn.execute(
        select(registrations.c.company_id, divisions.c.name, sites.c.name)
        .select_from(registrations)
        .outerjoin(sites, sites.c.id == registrations.c.site_id)
        .outerjoin(divisions, divisions.c.id == sites.c.division_id)
        .where(registrations.c.id == number, shown_to(seen_by.company_id))
    ).one_or_none()
    if place is not None and not seen_by.external:
        company, division, site = place
        if company == seen_by.company_id:
            return stop(
                "access",
                "Registration {number} was made at {division} / {site}, which is not granted to"
                " you.",
                "Ask for access to the division or the site.",
                Mender.ADMINISTRATOR,
                number=number,
                division=division,
                site=site,
            )
        return stop(
            "access",
            "Registration {number} is of a worker of yours, and was not made at your sites:"
            " administrators and auditors see it.",
            "Ask an administrator of your company.",
            Mender.ADMINISTRATOR,
            number=number,
        )
    restricted = _restricted(conn, seen_by, number)
    if restricted is not None:
        return restricted
    for name, other in elsewhere(conn, seen_by):
        query = select(registrations.c.id).where(
            registrations.c.id == number, visible_registrations(other)
        )
        if conn.execute(query).scalar() is not None:
            return stop(
                "company",
                "Registration {number} belongs to {other}.",
                "Switch to {other}.",
                Mender.YOU,
                number=number,
                other=name,
            )
    return stop(
        "registration",
        "The company has no registration {number} that you could see.",
        "Check the number; if the tap was today, ask again with the terminal's device number.",
        Mender.YOU,
        number=number,
    )


def _restricted(conn: Connection, seen_by: Viewer, number: int) -> Step | None:
    """LET GO: that it is kept for inspectors alone, to those who take it out for them."""
    if not seen_by.inspects:
        return None
    worker = conn.execute(
        select(registrations.c.worker_id)
        .join(restrictions, restrictions.c.worker_id == registrations.c.worker_id)
        .where(registrations.c.id == number, restrictions.c.company_id == seen_by.company_id)
        .where(dated() <= restrictions.c.until_ms)
    ).scalar()
    until_ms = None if worker is None else asking.kept_until(conn, seen_by.company_id, worker)
    if until_ms is None:
        return None
    return restricted(
        "registration",
        mark(
            "Registration {number} is restricted at the person's request until {until}: kept"
            " because the law makes it be kept, and shown to nobody."
        ),
        until_ms,
        number=number,
    )
