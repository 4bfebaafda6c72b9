"""Who is let in where: every route of the console, and what each role is answered there.

A route that is not here fails `test_matrix.py`: whoever adds one says in a line who may ask it. The
objects of a path (`{site}`, `{worker}`) are filled in twice, with our company's and with the other
company's; nobody ever gets another company's.
"""

from dataclasses import dataclass, field

MEMBERS = ("administrator", "auditor", "manager", "viewer", "external")
"""The roles of our company. The manager is granted another site than the objects' one."""
ROLES = (None, "none", *MEMBERS, "other", "operator")
"""Nobody; an account without a company; ours; the other company's administrator; the operator."""

LOGIN, FORBIDDEN, MISSING = (303,), (403,), (404,)
PUBLIC = ("{chapter}", "{language}", "{picture}")
"""What paths of the guide have filled in, which is nobody's."""
LET_IN = (200, 204, 303, 409, 422)
"""What a form answers to who may send it, well or badly filled in."""


@dataclass(frozen=True)
class Route:
    """What a route answers.

    `allowed` are the roles that may ask it, of our company; the other company's administrator may
    ask whatever ours may, of their own company. `refused` is the answer to our other roles.
    """

    allowed: frozenset[str]
    form: dict[str, str] = field(default_factory=dict)
    """A form that changes something, sent by whom it is meant for; `{site}` as in paths."""
    refused: tuple[int, ...] = FORBIDDEN
    nobody: tuple[int, ...] = LOGIN
    """What somebody gets who is not logged in."""
    none: tuple[int, ...] = MISSING
    """What an account without a company gets."""
    operator: tuple[int, ...] = MISSING

    def has_objects(self, path: str) -> bool:
        """Whether it speaks of something that is a company's."""
        for each in PUBLIC:
            path = path.replace(each, "")
        return any("{" in each for each in (path, *self.form.values()))

    def reads(self, role: str | None, *, own: bool) -> tuple[int, ...]:
        """The statuses a role may get when it only looks."""
        found = self.answers(role, own=own)
        return tuple(status for status in found if found != LET_IN or status not in (409, 422))

    def answers(self, role: str | None, *, own: bool) -> tuple[int, ...]:
        """The statuses a role may get; `own`: for objects of the company it looks at."""
        if role is None:
            return self.nobody
        if role in ("none", "operator"):
            return self.none if role == "none" else self.operator
        plays = "administrator" if role == "other" else role
        if plays not in self.allowed:
            return (*self.refused, *(() if own else MISSING))
        return LET_IN if own else MISSING


def everybody(**form: str) -> Route:
    """A page that asks for nothing but, at most, a login."""
    return Route(frozenset(MEMBERS), form, none=LET_IN, operator=LET_IN)


def anybody(**form: str) -> Route:
    """A page for whoever is not logged in as well."""
    return Route(
        frozenset(MEMBERS),
        form,
        nobody=(*LET_IN, 401),
        none=(*LET_IN, 401),
        operator=(*LET_IN, 401),
    )


def members(**form: str) -> Route:
    """For all of a company."""
    return Route(frozenset(MEMBERS), form)


def insiders(**form: str) -> Route:
    """For all of a company but those from outside."""
    return Route(frozenset(MEMBERS) - {"external"}, form)


def whole(**form: str) -> Route:
    """For administrators and auditors."""
    return Route(frozenset({"administrator", "auditor"}), form)


def writers(**form: str) -> Route:
    """For administrators and managers."""
    return Route(frozenset({"administrator", "manager"}), form)


def administrators(**form: str) -> Route:
    """For administrators."""
    return Route(frozenset({"administrator"}), form)


def reached(**form: str) -> Route:
    """For all of a company who reach the objects' site: not the manager, who does not see it."""
    return Route(frozenset(MEMBERS) - {"manager"}, form, refused=MISSING, operator=LET_IN)


def keepers(**form: str) -> Route:
    """For administrators, and for whoever runs the platform."""
    return Route(frozenset({"administrator"}), form, operator=LET_IN)


def operators() -> Route:
    """For whoever runs the platform; for everybody else there is no such page."""
    return Route(frozenset(), refused=MISSING, operator=LET_IN)


def keyed() -> Route:
    """For whoever holds a token, which nobody does here."""
    worthless = (404, 422)
    return Route(
        frozenset(), refused=worthless, nobody=worthless, none=worthless, operator=worthless
    )


_WORKER = {"number": "70", "given_name": "New", "family_name": "Name"}
_WEBHOOK = {"name": "Payroll", "url": "https://example.be/hook", "event": "worker.changed"}
_TAP = {"day": "2026-03-02", "time": "08:00", "direction": "in", "reason": "Forgotten"}
_PART = {"role": "auditor", "email": "none@example.be", "way": "add"}

DOOR = Route(frozenset(), refused=(422,), nobody=(422,), none=(422,), operator=(422,))
"""A page behind a link that was mailed: without one it says so to everybody."""

NOT_ONES_OWN = Route(frozenset(), refused=MISSING, none=MISSING, operator=MISSING)
"""What is of an account; here always of another one."""

ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/"): everybody(),
    ("GET", "/live"): Route(
        frozenset(MEMBERS), nobody=(204,), none=(204,), operator=LET_IN
    ),
    ("GET", "/guide"): anybody(),
    ("GET", "/guide/all"): anybody(),
    ("GET", "/guide/search"): anybody(),
    ("GET", "/guide/{chapter}"): anybody(),
    ("GET", "/guide/images/{language}/{picture}"): anybody(),
    ("GET", "/login"): anybody(),
    ("POST", "/language"): anybody(language="fr"),
    ("POST", "/login"): anybody(email="nobody@example.be", password="wrong horse"),
    ("GET", "/register"): anybody(),
    ("POST", "/register"): anybody(vat="BE0417497106"),
    ("GET", "/register/confirm"): DOOR,
    ("POST", "/register/confirm"): DOOR,
    ("GET", "/forgotten"): anybody(),
    ("POST", "/forgotten"): anybody(email="nobody@example.be"),
    ("GET", "/reset"): DOOR,
    ("POST", "/reset"): DOOR,
    ("GET", "/account"): everybody(),
    ("POST", "/account/password"): everybody(present="wrong horse", password="another one"),
    ("GET", "/account/recovery"): everybody(),
    ("POST", "/account/recovery"): everybody(present="wrong horse"),
    ("GET", "/account/passkeys/new"): everybody(),
    ("POST", "/account/passkeys/new"): everybody(name="Telephone", present="wrong horse"),
    ("POST", "/account/passkeys"): everybody(name="Telephone", credential="none"),
    ("GET", "/account/passkeys/{passkey}"): NOT_ONES_OWN,
    ("POST", "/account/passkeys/{passkey}/end"): NOT_ONES_OWN,
    ("GET", "/account/second"): everybody(),
    ("POST", "/account/second"): everybody(present="wrong horse"),
    ("POST", "/account/second/confirm"): everybody(code="123456"),
    ("POST", "/account/second/end"): everybody(present="wrong horse"),
    ("POST", "/account/sessions/{session}/end"): NOT_ONES_OWN,
    ("GET", "/login/code"): anybody(),
    ("POST", "/login/code"): anybody(code="123456"),
    ("POST", "/login/code/passkey"): anybody(credential="none"),
    ("GET", "/login/passkey"): anybody(),
    ("POST", "/login/passkey"): anybody(credential="none"),
    ("POST", "/logout"): anybody(),
    ("POST", "/company"): Route(frozenset(MEMBERS), {"company": "{company}"}),
    ("GET", "/why"): everybody(),
    ("GET", "/companies"): operators(),
    ("GET", "/companies/{company}"): operators(),
    ("GET", "/divisions"): members(),
    ("GET", "/divisions/new"): administrators(),
    ("POST", "/divisions/new"): administrators(name="West"),
    ("GET", "/divisions/{division}"): administrators(),
    ("POST", "/divisions/{division}"): administrators(name="West"),
    ("POST", "/divisions/{division}/close"): administrators(),
    ("GET", "/divisions/{division}/sites/new"): administrators(),
    ("POST", "/divisions/{division}/sites/new"): administrators(name="Gare"),
    ("GET", "/sites/{site}"): administrators(),
    ("POST", "/sites/{site}"): administrators(name="Gare"),
    ("POST", "/sites/{site}/close"): administrators(),
    ("GET", "/people"): whole(),
    ("GET", "/people/new"): administrators(),
    ("POST", "/people/new"): administrators(**_PART),
    ("GET", "/people/{membership}"): administrators(),
    ("POST", "/people/{membership}"): administrators(**_PART),
    ("POST", "/people/{membership}/end"): administrators(),
    ("POST", "/people/invitations/{invitation}/withdraw"): administrators(),
    ("POST", "/people/requests/{asked}"): administrators(decision="grant"),
    ("GET", "/invitation"): keyed(),
    ("POST", "/invitation"): keyed(),
    ("GET", "/workers"): insiders(),
    ("POST", "/workers/find"): insiders(number="85.07.30-033.28"),
    ("GET", "/workers/new"): writers(),
    ("POST", "/workers/new"): writers(**_WORKER),
    ("GET", "/workers/{worker}"): insiders(),
    ("POST", "/workers/{worker}"): writers(**_WORKER),
    ("POST", "/workers/{worker}/active"): writers(active="no"),
    ("POST", "/workers/{worker}/badges"): writers(badge_number="4242"),
    ("POST", "/workers/{worker}/badges/{badge}"): writers(last_day="2026-03-01"),
    ("POST", "/workers/{worker}/badges/{badge}/unlink"): writers(),
    ("POST", "/workers/{worker}/apps"): writers(),
    ("POST", "/workers/{worker}/apps/{app}/revoke"): writers(),
    ("GET", "/workers/import"): writers(),
    ("POST", "/workers/import"): writers(),
    ("POST", "/workers/import/confirm"): writers(fingerprint="0"),
    ("POST", "/workers/import/discard"): writers(),
    ("GET", "/terminals"): Route(frozenset(MEMBERS), operator=LET_IN),
    ("GET", "/terminals/new"): keepers(),
    ("POST", "/terminals/new"): keepers(device="1", name="New"),
    ("GET", "/terminals/{device}"): reached(),
    ("GET", "/terminals/{device}/statistics"): reached(),
    ("POST", "/terminals/{device}"): keepers(name="Other"),
    ("POST", "/terminals/{device}/list"): keepers(status="inactive"),
    ("POST", "/terminals/{device}/site"): keepers(site="{site}", from_day="2026-03-01"),
    ("GET", "/notifications"): everybody(),
    ("POST", "/notifications/read"): everybody(),
    ("POST", "/notifications/mail"): everybody(kind="gap"),
    ("POST", "/notifications/{notification}/read"): reached(),
    ("GET", "/registrations"): Route(frozenset(MEMBERS), operator=LET_IN),
    ("GET", "/registrations/{number}"): reached(),
    # No record here is sealed, so there is nothing to take away, whoever may.
    ("POST", "/registrations/{number}/disclosure"): Route(
        frozenset(), refused=(*FORBIDDEN, *MISSING)
    ),
    ("POST", "/registrations/{number}/corrections"): Route(
        frozenset({"administrator"}), {"right": "out", "reason": "Wrong side"}, refused=MISSING
    ),
    ("GET", "/corrections"): members(),
    ("POST", "/corrections/{correction}/decision"): Route(
        frozenset({"administrator"}), {"approve": "yes"}, refused=MISSING
    ),
    ("GET", "/days"): members(),
    ("GET", "/days/{worker}"): Route(frozenset(MEMBERS) - {"manager"}, refused=MISSING),
    ("POST", "/days/{worker}/taps"): Route(
        frozenset({"administrator"}), _TAP | {"site": "{site}"}, refused=MISSING
    ),
    ("GET", "/exports"): members(),
    ("POST", "/exports"): members(),
    # Made by an administrator, so of the whole company.
    ("GET", "/exports/{export}/file"): Route(
        frozenset({"administrator", "auditor"}), refused=MISSING
    ),
    ("GET", "/privacy"): whole(),
    ("POST", "/privacy/retention"): administrators(months="90"),
    ("POST", "/privacy/erasures/{erasure}"): administrators(approve="yes", password="wrong horse"),
    ("POST", "/privacy/inspection"): whole(person="7", reason="An inspector asked"),
    ("POST", "/workers/{worker}/data"): administrators(),
    ("GET", "/workers/{worker}/erasure"): administrators(),
    ("POST", "/workers/{worker}/erasure"): administrators(password="wrong horse"),
    ("POST", "/account/data"): everybody(),
    ("POST", "/account/close"): everybody(closing="wrong horse"),
    ("GET", "/webhooks"): administrators(),
    ("GET", "/webhooks/new"): administrators(),
    ("POST", "/webhooks/new"): administrators(**_WEBHOOK),
    ("GET", "/webhooks/{webhook}"): administrators(),
    ("POST", "/webhooks/{webhook}"): administrators(**_WEBHOOK),
    ("POST", "/webhooks/{webhook}/active"): administrators(active="yes"),
    ("POST", "/webhooks/{webhook}/secret"): administrators(),
    ("POST", "/webhooks/{webhook}/test"): administrators(),
    ("POST", "/webhooks/{webhook}/delete"): administrators(),
    ("GET", "/webhooks/{webhook}/deliveries/{delivery}"): administrators(),
    ("POST", "/webhooks/{webhook}/deliveries/{delivery}/again"): administrators(),
    ("GET", "/tokens"): administrators(),
    ("GET", "/tokens/new"): administrators(),
    ("POST", "/tokens/new"): administrators(name="Payroll", scope="registrations:read"),
    ("GET", "/tokens/{token}"): administrators(),
    ("POST", "/tokens/{token}/revoke"): administrators(),
    ("GET", "/trail"): Route(frozenset({"administrator", "auditor"}), operator=LET_IN),
}  # fmt: skip
