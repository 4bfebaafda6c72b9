"""`/people`: who has access to a company and to what of it; adding, inviting, changing, ending."""

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from cloud.accounts import addresses, people, queries, requests
from cloud.accounts.people import Part
from cloud.accounts.roles import Role
from cloud.api.parameters import MAX_ID, Database, Identifier
from cloud.companies.queries import listed_places
from cloud.console import invitation
from cloud.console.forms import Problems, packed, unpacked
from cloud.console.linking import link_to
from cloud.console.members import Administrator, Member, WholeReader
from cloud.console.visitors import ROLES
from cloud.languages import formats
from cloud.languages.current import gettext as _
from cloud.visibility.rules import visible_divisions, visible_sites

Text = Annotated[str, Form(max_length=1000)]
Places = Annotated[list[Annotated[int, Form(ge=1, le=MAX_ID)]], Form(max_length=2000)]


def install(app: FastAPI) -> None:
    """Add the routes."""
    for path, shown, sent in (
        ("/people/new", new, give),
        ("/people/{membership}", form, change),
    ):
        app.get(path, include_in_schema=False)(shown)
        app.post(path, include_in_schema=False)(sent)
    app.get("/people", include_in_schema=False)(listed)
    app.post("/people/{membership}/end", include_in_schema=False)(end)
    app.post("/people/invitations/{invitation}/withdraw", include_in_schema=False)(withdraw)
    app.post("/people/requests/{asked}", include_in_schema=False)(decide)


def _part(
    role: Text = "",
    external: Text = "",
    division: Places = [],  # noqa: B006 - FastAPI copies it
    site: Places = [],  # noqa: B006
) -> Part:
    """What the form gives: a role, and the places ticked."""
    return Part(role, bool(external), frozenset(division), frozenset(site))


Given = Annotated[Part, Depends(_part)]


def listed(request: Request, conn: Database, who: WholeReader) -> Response:
    """Members and open invitations. That they were looked at is noted."""
    with request.app.state.writer.begin() as writing:
        who.note(writing, "membership", "list")
    return _listed(conn, who, Problems())


def new(conn: Database, who: Administrator) -> Response:
    """The form that adds or invites somebody."""
    return _form(conn, who, None, "", Part(Role.VIEWER), Problems())


def give(
    request: Request,
    reading: Database,
    who: Administrator,
    part: Given,
    email: Text = "",
    way: Text = "invite",
) -> Response:
    """Add the account of an address; or invite it, and show the link, this once."""
    problems = Problems()
    token = None
    if problems.take("email", addresses.normalise, email) is not None:
        act = _add if way == "add" else _invite
        with problems.of("email"), request.app.state.writer.begin() as conn:
            with problems.of("role"):
                part.checked()
            if not problems:
                token = act(conn, who, email, part)
    if problems:
        return _form(reading, who, None, email, part, problems)
    if token is None:
        return _done()
    address = link_to(request, invitation.PATH, token)
    with request.app.state.writer.begin() as conn:
        invitation.mail_link(conn, who.company, email, address)
    return who.page("invited.html", email=email, link=address)


def form(request: Request, conn: Database, who: Administrator, membership: Identifier) -> Response:
    """The form of a member. Raises NotFoundError. The look is noted."""
    row = people.member_of(conn, who.company, membership)
    with request.app.state.writer.begin() as writing:
        who.note(writing, "membership", "read", target_id=row.account_id)
    problems = Problems(packed(people.shown(conn, row)))
    return _form(conn, who, membership, row.email, people.part_of(conn, row), problems)


def change(
    request: Request,
    reading: Database,
    who: Administrator,
    membership: Identifier,
    part: Given,
    was: Annotated[str, Form(max_length=60_000)] = "",
) -> Response:
    """Give a member another part. Raises NotFoundError."""
    row = people.member_of(reading, who.company, membership)
    problems = Problems(was)
    with problems.of("role"), request.app.state.writer.begin() as conn:
        if people.change(conn, who.company, membership, part, unpacked(was)):
            _note(conn, who, "membership", "grant", part, row.account_id)
    if problems:
        return _form(reading, who, membership, row.email, part, problems)
    return _done()


def end(
    request: Request, reading: Database, who: Administrator, membership: Identifier
) -> Response:
    """Take a member's access away. Raises NotFoundError."""
    problems = Problems()
    with problems.of(), request.app.state.writer.begin() as conn:
        account = people.end(conn, who.company, membership)
        who.note(conn, "membership", "revoke", target_id=account)
    if problems:
        return _listed(reading, who, problems)
    # Whoever leaves has no list of people any more.
    return RedirectResponse("/", 303) if account == who.visit.account_id else _done()


def withdraw(request: Request, who: Administrator, invitation: Identifier) -> Response:
    """Take an invitation back. Raises NotFoundError when it is not open."""
    with request.app.state.writer.begin() as conn:
        people.withdraw(conn, who.company, invitation)
        who.note(conn, "invitation", "withdraw", target_id=invitation)
    return _done()


def decide(
    request: Request, who: Administrator, asked: Identifier, decision: Text = ""
) -> Response:
    """Give somebody who asked access, as a viewer with nothing granted yet, or refuse it.

    Raises NotFoundError when somebody decided before.
    """
    granted = decision == "grant"
    with request.app.state.writer.begin() as conn:
        account = requests.decide(conn, who.company, asked, grant=granted)
        who.note(conn, "access-request", "grant" if granted else "refuse", target_id=account)
    return _done()


def _add(conn: Connection, who: Member, email: str, part: Part) -> None:
    account = people.add(conn, who.company, email, part)
    _note(conn, who, "membership", "grant", part, account)


def _invite(conn: Connection, who: Member, email: str, part: Part) -> str:
    """The token of the link."""
    token = people.invite(conn, who.company, email, part)
    _note(conn, who, "invitation", "create", part, None)
    return token


def _note(
    conn: Connection, who: Member, subject: str, action: str, part: Part, account: int | None
) -> None:
    given = part.checked()
    detail = {
        "role": given.role,
        "external": given.external,
        "places": queries.place_names(conn, given.divisions, given.sites),
    }
    who.note(conn, subject, action, target_id=account, detail=detail)


def _listed(conn: Connection, who: Member, problems: Problems) -> Response:
    offers = [
        {**offer, "expires": formats.moment(offer["expires_ms"])}
        for offer in queries.open_invitations(conn, who.company)
    ]
    return who.page(
        "people.html",
        problems.status,
        members=queries.members(conn, who.company),
        offers=offers,
        asking=requests.waiting(conn, who.company) if who.seen_by.administers else [],
        problems=problems,
    )


def _form(
    conn: Connection,
    who: Member,
    membership: int | None,
    email: str,
    part: Part,
    problems: Problems,
) -> Response:
    reached = listed_places(
        conn,
        divisions_visible=visible_divisions(who.seen_by),
        sites_visible=visible_sites(who.seen_by),
    )
    words = {role.value: _(name) for role, name in ROLES.items()}
    words |= {"yes": _("yes"), "no": _("no")}
    return who.page(
        "person.html",
        problems.status,
        membership=membership,
        email=email,
        part=part,
        places=_offered(reached, part),
        words=words,
        problems=problems,
    )


def _offered(reached: list[dict[str, Any]], part: Part) -> list[dict[str, Any]]:
    """What may be granted: open places, and closed ones that are granted already."""
    offered = []
    for division in reached:
        found = [
            site
            for site in division["sites"]
            if site["closed_ms"] is None or site["id"] in part.sites
        ]
        if division["closed_ms"] is None or division["id"] in part.divisions or found:
            offered.append({**division, "sites": found})
    return offered


def _done() -> Response:
    return RedirectResponse("/people", 303)
