"""Inviting somebody to a company by mail: a link that works once, and not for ever.

The caller commits, and sends the mail after the commit.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from cloud.accounts import addresses, tokens
from cloud.accounts.access import check_role, membership, put_membership, set_grants
from cloud.accounts.tables import accounts, grants, invitations
from cloud.companies.service import lock
from cloud.errors import ConflictError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.times import now_ms

LIFE_MS = 7 * 86_400_000
OPEN_AT_ONCE = 200
"""A company that has so many open invitations has made a mistake, or is misused to send mail."""
DAY_MS = 86_400_000
SENT_A_DAY = 300
"""Withdrawing one and inviting again sends one more mail."""
TO_ONE_A_DAY = 5
"""Nobody's inbox is filled by one company."""


def invite(
    conn: Connection,
    company: int,
    email: str,
    role: str,
    *,
    external: bool = False,
    division_ids: Iterable[int] = (),
    site_ids: Iterable[int] = (),
) -> str:
    """Offer somebody access; the token for the link, which is kept nowhere.

    An earlier open invitation of the same address to the same company is withdrawn. Raises
    InvalidError, ConflictError, NotFoundError.
    """
    address = addresses.normalise(email)
    found = check_role(role, external=external)
    lock(conn, company)
    _refuse_too_many(conn, company, address)
    _withdraw(conn, company, address)
    standing = conn.execute(
        select(func.count()).select_from(invitations).where(_open(), _of(company))
    ).scalar_one()
    if standing >= OPEN_AT_ONCE:
        raise ConflictError(
            _(
                "%(count)d invitations of the company are open already;"
                " withdraw some, or wait until they are accepted or expire"
            )
            % {"count": standing}
        )
    token = tokens.make()
    now = now_ms()
    number = conn.execute(
        insert(invitations)
        .values(
            company_id=company,
            email=address,
            role=found.value,
            external=external,
            token_hash=tokens.digest(token),
            created_ms=now,
            expires_ms=now + LIFE_MS,
        )
        .returning(invitations.c.id)
    ).scalar_one()
    set_grants(
        conn, {"invitation_id": number}, company, division_ids=division_ids, site_ids=site_ids
    )
    return token


def _refuse_too_many(conn: Connection, company: int, address: str) -> None:
    """Raise ConflictError for a company that sent as many as it may, whatever became of them."""
    query = select(func.count(), func.count().filter(invitations.c.email == address)).where(
        _of(company), invitations.c.created_ms > now_ms() - DAY_MS
    )
    sent, to_one = conn.execute(query).one()
    if sent >= SENT_A_DAY:
        raise ConflictError(
            _(
                "The company sent %(count)d invitations within a day, which is the most; send the"
                " others tomorrow."
            )
            % {"count": sent}
        )
    if to_one >= TO_ONE_A_DAY:
        raise ConflictError(
            _(
                "%(email)s was invited %(count)d times within a day; have them open the last link,"
                " or invite them again tomorrow."
            )
            % {"email": address, "count": to_one}
        )


def look(conn: Connection, token: str) -> Row[Any]:
    """What an open invitation offers. Raises NotFoundError when it is none (any more)."""
    row = conn.execute(
        select(invitations).where(invitations.c.token_hash == tokens.digest(token), _open())
    ).one_or_none()
    if row is None:
        raise NotFoundError(
            _("this invitation was used, withdrawn or has expired; ask for a new one")
        )
    return row


def accept(conn: Connection, token: str, account: int) -> int:
    """Take up an invitation as an account; the company. Raises NotFoundError, ConflictError.

    Only the account of the address that was invited may: a link that was passed on is of no use.
    """
    offer = look(conn, token)
    mine = conn.execute(select(accounts.c.email).where(accounts.c.id == account)).scalar_one()
    if mine != offer.email:
        raise ConflictError(
            _("this invitation is for %(email)s; log in with the account of that address")
            % {"email": offer.email}
        )
    if membership(conn, account, offer.company_id) is not None:
        raise ConflictError(
            _("you have access to this company already; its administrator changes it")
        )
    # Whoever closes it has it; the other of two at once finds it closed.
    closed = conn.execute(
        update(invitations).where(invitations.c.id == offer.id, _open()).values(closed_ms=now_ms())
    )
    if closed.rowcount != 1:
        raise NotFoundError(_("this invitation was used just now; ask for a new one"))
    made = put_membership(conn, account, offer.company_id, offer.role, external=offer.external)
    conn.execute(
        update(grants)
        .where(grants.c.invitation_id == offer.id)
        .values(membership_id=made, invitation_id=None)
    )
    return int(offer.company_id)


def open_for(company: int, address: str) -> Select[tuple[int]]:
    """The id of a company's open invitation of an address (normalised)."""
    return select(invitations.c.id).where(_of(company), invitations.c.email == address, _open())


def withdraw(conn: Connection, company: int, email: str) -> None:
    """Take an offer back. Raises NotFoundError when none is open."""
    if _withdraw(conn, company, addresses.normalise(email)) == 0:
        raise NotFoundError(_("no invitation of %(email)s is open") % {"email": email})


def _withdraw(conn: Connection, company: int, address: str) -> int:
    return conn.execute(
        update(invitations)
        .where(_of(company), invitations.c.email == address, _open())
        .values(closed_ms=now_ms())
    ).rowcount


def _of(company: int) -> Any:
    return invitations.c.company_id == company


def _open() -> Any:
    return invitations.c.closed_ms.is_(None) & (invitations.c.expires_ms > now_ms())
