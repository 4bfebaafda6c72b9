"""`/divisions`: a company's divisions and their sites, and the forms that change them."""

from typing import Annotated, Any

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection, Row

from cloud.api.parameters import Database, Identifier
from cloud.companies import places
from cloud.companies.queries import listed_places
from cloud.console.forms import Problems, packed, unpacked
from cloud.console.members import Administrator, Member, MemberOf
from cloud.visibility.rules import visible_divisions, visible_sites

Text = Annotated[str, Form(max_length=1000)]
Was = Annotated[str, Form(max_length=4000)]


def install(app: FastAPI) -> None:
    """Add the routes."""
    for path, shown, sent in (
        ("/divisions/new", new_division, create_division),
        ("/divisions/{division}", division_form, change_division),
        ("/divisions/{division}/sites/new", new_site, create_site),
        ("/sites/{site}", site_form, change_site),
    ):
        app.get(path, include_in_schema=False)(shown)
        app.post(path, include_in_schema=False)(sent)
    app.get("/divisions", include_in_schema=False)(listed)
    app.post("/divisions/{division}/close", include_in_schema=False)(close_division)
    app.post("/sites/{site}/close", include_in_schema=False)(close_site)


def listed(conn: Database, who: MemberOf) -> Response:
    """Every division and site that is reached; for administrators, with the way to change them."""
    return _listed(conn, who, Problems())


def new_division(who: Administrator) -> Response:
    """The form of a new division."""
    return _division(who, None, {"name": ""}, Problems())


def create_division(request: Request, who: Administrator, name: Text = "") -> Response:
    """Enter a division."""
    problems = Problems()
    with problems.of("name"), request.app.state.writer.begin() as conn:
        made = places.create_division(conn, who.company, name)
        who.note(conn, "division", "create", target_id=made, detail={"name": name.strip()})
    return _division(who, None, {"name": name}, problems) if problems else _done()


def division_form(conn: Database, who: Administrator, division: Identifier) -> Response:
    """The form of a division. Raises NotFoundError."""
    shown = places.shown_division(places.division_of(conn, who.company, division))
    return _division(who, division, shown, Problems(packed(shown)))


def change_division(
    request: Request, who: Administrator, division: Identifier, name: Text = "", was: Was = ""
) -> Response:
    """Name a division anew. Raises NotFoundError."""
    problems = Problems(was)
    with problems.of("name"), request.app.state.writer.begin() as conn:
        changed = places.rename_division(conn, who.company, division, name, unpacked(was))
        if changed:
            who.note(conn, "division", "change", target_id=division, detail=changed)
    return _division(who, division, {"name": name}, problems) if problems else _done()


def close_division(
    request: Request,
    reading: Database,
    who: Administrator,
    division: Identifier,
    open_again: Text = "",
) -> Response:
    """Close a division, or open it again. Raises NotFoundError."""
    problems, closed = Problems(), not open_again
    with problems.of(), request.app.state.writer.begin() as conn:
        if places.close_division(conn, who.company, division, closed=closed):
            who.note(conn, "division", "close" if closed else "open", target_id=division)
    return _listed(reading, who, problems) if problems else _done()


def new_site(conn: Database, who: Administrator, division: Identifier) -> Response:
    """The form of a new site of a division. Raises NotFoundError."""
    of = places.division_of(conn, who.company, division)
    empty = {"name": "", "address": "", "workplace_id": ""}
    return _site(who, of, None, empty, Problems())


def create_site(
    request: Request,
    reading: Database,
    who: Administrator,
    division: Identifier,
    name: Text = "",
    address: Text = "",
    workplace_id: Text = "",
) -> Response:
    """Enter a site. Raises NotFoundError."""
    of = places.division_of(reading, who.company, division)
    typed = {"name": name, "address": address, "workplace_id": workplace_id}
    values, problems = _checked(typed, "")
    if not problems:
        with problems.of("name"), request.app.state.writer.begin() as conn:
            made = places.create_site(conn, who.company, division, values)
            who.note(conn, "site", "create", target_id=made, detail=values)
    return _site(who, of, None, typed, problems) if problems else _done()


def site_form(conn: Database, who: Administrator, site: Identifier) -> Response:
    """The form of a site. Raises NotFoundError."""
    row = places.site_of(conn, who.company, site)
    of = places.division_of(conn, who.company, row.division_id)
    shown = places.shown_site(row)
    return _site(who, of, site, shown, Problems(packed(shown)))


def change_site(
    request: Request,
    reading: Database,
    who: Administrator,
    site: Identifier,
    name: Text = "",
    address: Text = "",
    workplace_id: Text = "",
    was: Was = "",
) -> Response:
    """Change a site. Raises NotFoundError."""
    row = places.site_of(reading, who.company, site)
    of = places.division_of(reading, who.company, row.division_id)
    typed = {"name": name, "address": address, "workplace_id": workplace_id}
    values, problems = _checked(typed, was)
    if not problems:
        with problems.of("name"), request.app.state.writer.begin() as conn:
            changed = places.change_site(conn, who.company, site, values, unpacked(was))
            if changed:
                who.note(conn, "site", "change", target_id=site, detail=changed)
    return _site(who, of, site, typed, problems) if problems else _done()


def close_site(
    request: Request,
    reading: Database,
    who: Administrator,
    site: Identifier,
    open_again: Text = "",
) -> Response:
    """Close a site, or open it again. Raises NotFoundError."""
    problems, closed = Problems(), not open_again
    with problems.of(), request.app.state.writer.begin() as conn:
        if places.close_site(conn, who.company, site, closed=closed):
            who.note(conn, "site", "close" if closed else "open", target_id=site)
    return _listed(reading, who, problems) if problems else _done()


def _checked(typed: dict[str, str], was: str) -> tuple[dict[str, str | None], Problems]:
    problems = Problems(was)
    checks = {
        "name": places.site_name,
        "address": places.site_address,
        "workplace_id": places.site_workplace,
    }
    values = {field: problems.take(field, check, typed[field]) for field, check in checks.items()}
    return values, problems


def _listed(conn: Connection, who: Member, problems: Problems) -> Response:
    found = listed_places(
        conn,
        divisions_visible=visible_divisions(who.seen_by),
        sites_visible=visible_sites(who.seen_by),
    )
    return who.page("divisions.html", problems.status, divisions=found, problems=problems)


def _division(
    who: Member, division: int | None, shown: dict[str, str], problems: Problems
) -> Response:
    return who.page(
        "division.html",
        problems.status,
        action="/divisions/new" if division is None else f"/divisions/{division}",
        is_new=division is None,
        shown=shown,
        problems=problems,
    )


def _site(
    who: Member, division: Row[Any], site: int | None, shown: dict[str, str], problems: Problems
) -> Response:
    return who.page(
        "site.html",
        problems.status,
        action=f"/divisions/{division.id}/sites/new" if site is None else f"/sites/{site}",
        is_new=site is None,
        division=division.name,
        shown=shown,
        problems=problems,
    )


def _done() -> Response:
    return RedirectResponse("/divisions", 303)
