"""`/register`, `/forgotten`, and the links they mail: how somebody gets in who cannot log in.

Whatever address is typed, the answer is the same: who has an account is nobody's business. The
links work once, and open a page that acts only when its button is pressed: what mail servers open
to look for malice uses nothing up.
"""

from typing import Annotated

from fastapi import FastAPI, Form, Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from cloud.accounts import addresses, links, registration, service
from cloud.accounts.links import Purpose
from cloud.accounts.registration import Confirmed, Outcome
from cloud.api.parameters import Database
from cloud.api.throttle import Throttle
from cloud.audit.service import Actor, note
from cloud.companies import vat as vats
from cloud.console.choosing import chosen
from cloud.console.forms import Problems
from cloud.console.linking import link_to
from cloud.console.templating import html
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.mail import service as mail

_Text = Annotated[str, Form(max_length=300)]
_Password = Annotated[str, Form(max_length=1000)]
_Token = Annotated[str, Query(max_length=200)]
_TOO_MANY = mark("Too many requests from here. Wait ten minutes, then try again.")


def install(app: FastAPI) -> None:
    """Add the routes; `app.state` holds `writer`."""
    app.state.asked = Throttle()
    for path, shown, sent in (
        ("/register", form, ask),
        ("/register/confirm", confirmation, confirm),
        ("/forgotten", forgotten, remind),
        ("/reset", resetting, reset),
    ):
        app.get(path, include_in_schema=False)(shown)
        app.post(path, include_in_schema=False)(sent)


def form() -> Response:
    """The form that registers a company."""
    return _form(dict.fromkeys(("name", "email", "vat", "company"), ""), Problems())


def ask(
    request: Request,
    name: _Text = "",
    email: _Text = "",
    vat: _Text = "",
    company: _Text = "",
) -> Response:
    """Check what was typed, and mail the link that goes on."""
    problems = Problems()
    typed = {"name": name, "email": email, "vat": vat, "company": company}
    checks = {
        "name": registration.person,
        "email": addresses.normalise,
        "vat": vats.normalise,
        "company": registration.company,
    }
    tidy = {field: problems.take(field, check, typed[field]) for field, check in checks.items()}
    if not problems and _is_too_much(request):
        problems[""] = _(_TOO_MANY)
    if problems:
        return _form(typed, problems)
    wanted = {field: str(tidy[field]) for field in ("name", "vat", "company")}
    with request.app.state.writer.begin() as conn:
        token = registration.begin(conn, email, wanted)
        _mail(
            conn,
            email,
            _("Confirm your registration of %(company)s") % {"company": wanted["company"]},
            _("To register %(company)s at Pointeuse, open this link within a day:")
            % {"company": wanted["company"]},
            link_to(request, "/register/confirm", token),
        )
        note(conn, _actor(request), "company", "ask-registration")
    return _sent(email)


def confirmation(conn: Database, token: _Token = "") -> Response:
    """What the link is about. Raises NotFoundError, InvalidError for one that is worth nothing."""
    return _confirmation(conn, token, Problems())


def confirm(
    request: Request,
    reading: Database,
    token: Annotated[str, Form(max_length=200)] = "",
    password: _Password = "",
) -> Response:
    """Register the company, or ask for access to it. Raises NotFoundError, InvalidError."""
    email, wanted = links.look(reading, Purpose.REGISTER, token)
    problems = Problems()
    encoded = None
    if service.find(reading, email) is None:
        encoded = chosen(request, problems, password, (email, wanted["name"]))
    if problems:
        return _confirmation(reading, token, problems)
    done: Confirmed | None = None
    with problems.of("password"), request.app.state.writer.begin() as conn:
        done = registration.confirm(conn, token, encoded)
        what = "register" if done.outcome is Outcome.REGISTERED else "ask-access"
        actor = Actor("console", done.account, _address(request))
        note(conn, actor, "company", what, company_id=done.company, target_id=done.company)
    if problems or done is None:
        return _confirmation(reading, token, problems)
    return html("door_open.html", outcome=done.outcome)


def forgotten() -> Response:
    """The form of who forgot a password."""
    return html("forgotten.html", problems=Problems(), email="")


def remind(request: Request, email: _Text = "") -> Response:
    """Mail a link to the address, if it has an account; the answer does not tell."""
    problems = Problems()
    address = problems.take("email", addresses.normalise, email)
    if address is not None and _is_too_much(request):
        problems[""] = _(_TOO_MANY)
    if address is None or problems:
        return html("forgotten.html", problems.status, problems=problems, email=email)
    with request.app.state.writer.begin() as conn:
        account = service.find(conn, address)
        # Made either way: the time it takes tells nothing.
        token = links.make(conn, Purpose.RESET, address, {})
        if account is not None:
            _mail(
                conn,
                address,
                _("A new password for Pointeuse"),
                _("To choose a new password, open this link within an hour:"),
                link_to(request, "/reset", token),
            )
        note(conn, _actor(request), "account", "ask-reset", target_id=account)
    return _sent(email)


def resetting(conn: Database, token: _Token = "") -> Response:
    """The form of a new password. Raises NotFoundError, InvalidError."""
    links.look(conn, Purpose.RESET, token)
    return html("reset.html", problems=Problems(), token=token)


def reset(
    request: Request,
    reading: Database,
    token: Annotated[str, Form(max_length=200)] = "",
    password: _Password = "",
) -> Response:
    """Set the password, and end all sessions. Raises NotFoundError, InvalidError."""
    email, _detail = links.look(reading, Purpose.RESET, token)
    problems = Problems()
    account = service.account_id(reading, email)
    encoded = chosen(request, problems, password, service.about(reading, account))
    if encoded is None:
        return html("reset.html", problems.status, problems=problems, token=token)
    with request.app.state.writer.begin() as conn:
        links.use(conn, Purpose.RESET, token)
        service.keep_password(conn, account, encoded)
        actor = Actor("console", account, _address(request))
        note(conn, actor, "account", "reset-password", target_id=account)
    return html("door_open.html", outcome=Outcome.REGISTERED)


def _form(typed: dict[str, str], problems: Problems) -> Response:
    return html("register.html", problems.status, problems=problems, typed=typed)


def _confirmation(conn: Connection, token: str, problems: Problems) -> Response:
    email, wanted = links.look(conn, Purpose.REGISTER, token)
    return html(
        "confirm.html",
        problems.status,
        problems=problems,
        token=token,
        email=email,
        company=wanted["company"],
        vat=vats.shown(wanted["vat"]),
        known=service.find(conn, email) is not None,
    )


def _sent(email: str) -> Response:
    return html("mailed.html", email=email)


def _mail(conn: Connection, address: str, subject: str, sentence: str, link: str) -> None:
    ignore = _("If this was not you, do nothing: without the link nothing happens.")
    mail.enqueue(conn, addresses.normalise(address), subject, f"{sentence}\n\n{link}\n\n{ignore}\n")


def _is_too_much(request: Request) -> bool:
    """Count what is asked from an address; whether it asks too often."""
    asked: Throttle = request.app.state.asked
    address = _address(request) or "unknown"
    if asked.refuses(address):
        return True
    asked.count(address)
    return False


def _actor(request: Request) -> Actor:
    return Actor("console", None, _address(request))


def _address(request: Request) -> str | None:
    return request.client.host if request.client else None
