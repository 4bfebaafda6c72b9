"""Closing an account: its person leaves, and what it did stays, by its number. The caller commits.

Name, address, password, second factors and sessions go, with every part it had in companies and all
else that belongs to it alone. The row stays without them, since the trail and corrections name it.
"""

from sqlalchemy import Connection, Row, delete, or_, select, update

from cloud.accounts import administrators, service
from cloud.accounts.tables import accounts, grants, invitations, links, memberships
from cloud.custody.alarms import raise_alarm
from cloud.custody.saying import What
from cloud.exports.withdrawing import Withdrawn
from cloud.mail.tables import mails
from cloud.metadata import handle, metadata
from cloud.notifications.tables import notification_mails, notification_reads, notifications
from cloud.registrations.tables import correction_decisions, registration_corrections
from cloud.retention import withdrawn
from cloud.times import now_ms

_corrections = registration_corrections


def begin(conn: Connection, account: int) -> bytes:
    """Bar an account that is to be erased; what the log of erasures calls it.

    From the commit on it cannot act, so of two administrators who close theirs at once, one stays.
    Raises ConflictError for the last administrator of a company.
    """
    for company in administrators.companies_of(conn, account):
        administrators.keep_one(conn, company, account)
    service.disable(conn, account)
    return handle_of(conn, account)


def handle_of(conn: Connection, account: int) -> bytes:
    """What the log of erasures calls an account."""
    this = accounts.c.id == account
    found = conn.execute(select(accounts.c.handle).where(this)).scalar_one()
    if found is None:
        found = handle()
        conn.execute(update(accounts).where(this).values(handle=found))
    return bytes(found)


def erase(conn: Connection, named: bytes) -> int | None:
    """Close the account of a handle; its id, None if there is none. Does no harm twice.

    Nothing hinders it: a database from an older backup may know of no other administrator.
    """
    row = conn.execute(
        select(accounts).where(accounts.c.handle == named).with_for_update()
    ).one_or_none()
    if row is None:
        return None
    left = administrators.companies_of(conn, row.id)
    parts = select(memberships.c.id).where(memberships.c.account_id == row.id)
    conn.execute(delete(grants).where(grants.c.membership_id.in_(parts)))
    _forget_address(conn, row)
    _forget_notifications(conn, row.id)
    _unsign(conn, row.id)
    # Whatever else is an account's alone, it has a column that says whose it is.
    for table in reversed(metadata.sorted_tables):
        for column in table.c:
            if any(key.column.table is accounts for key in column.foreign_keys):
                conn.execute(delete(table).where(column == row.id))
    for company in left:
        if not administrators.of(conn, company):
            raise_alarm(conn, None, What.NOBODY, company=company)
    conn.execute(
        update(accounts)
        .where(accounts.c.id == row.id)
        .values(
            email=f"closed-{row.id}@closed.invalid",
            name=f"#{row.id}",
            password=None,
            operator=False,
            failures=0,
            locked_until_ms=None,
            passkey_handle=None,
            disabled_ms=row.disabled_ms or now_ms(),
            closed_ms=row.closed_ms or now_ms(),
        )
    )
    return int(row.id)


def _forget_address(conn: Connection, row: Row[tuple[str]]) -> None:
    """Delete what was sent or offered to the address."""
    offered = select(invitations.c.id).where(invitations.c.email == row.email)
    conn.execute(delete(grants).where(grants.c.invitation_id.in_(offered)))
    conn.execute(delete(invitations).where(invitations.c.email == row.email))
    conn.execute(delete(links).where(links.c.email == row.email))
    conn.execute(
        delete(mails).where(or_(mails.c.address == row.email, mails.c.body.contains(row.email)))
    )


def _forget_notifications(conn: Connection, account: int) -> None:
    """Delete the account's own notifications, with what hangs on them."""
    own = select(notifications.c.id).where(notifications.c.account_id == account)
    for table in (notification_reads, notification_mails):
        conn.execute(delete(table).where(table.c.notification_id.in_(own)))


def _unsign(conn: Connection, account: int) -> None:
    """Have the name taken out of snapshots, where it says who entered or approved a correction."""
    entered = select(_corrections).where(_corrections.c.account_id == account)
    approved = (
        select(_corrections)
        .join(correction_decisions, correction_decisions.c.correction_id == _corrections.c.id)
        .where(correction_decisions.c.account_id == account)
    )
    told = [
        Withdrawn(row.company_id, what, row.id, row.division_id, row.site_id)
        for what, query in (("entered", entered), ("approved", approved))
        for row in conn.execute(query)
    ]
    withdrawn.note(conn, told, now_ms())
