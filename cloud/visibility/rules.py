"""The rules of visibility. Everything that shows data of a company asks here.

Nobody sees anything, but for what one of these lines gives:

    MEMBER    An account sees a company only through its membership there, and only the company it
              looks at now. A private company has no members.
    WHOLE     Administrators and auditors reach the whole company.
    GRANTED   Managers and viewers reach the divisions and sites granted to them; with a division
              come its sites, those of later too.
    SITE      A registration made at a site of the company is visible to whoever reaches the site,
              whoever the worker works for: who runs a site answers for everyone on it.
    EMPLOYER  A registration of a worker the company employs, made anywhere, is visible to those who
              reach the whole company: who sends someone to work answers for it as well.
              A correction of a registration is visible to whom of the company that made it sees
              the registration; administrators, and managers who are not external, make them.
    WORKER    A company's workers are visible to all its members, whatever was granted, but not to
              those who are external.
    TERMINAL  A terminal is visible while it stands at a site that is reached, or when it stood
              there last. What it registered follows the rules of registrations; what it told of
              itself, by the place where it stood then, is in `cloud.visibility.told`.
    TRAIL     The trail is visible to administrators and auditors.
    TOKEN     A program with a token of a company sees what an auditor of it does, the trail aside,
              and of that the kinds its token has a scope for: workers' lists with workers:read.
              Badge numbers whole only if its token says so, or with workers:export. It corrects
              with corrections:write what somebody else signs off, and signs off with
              corrections:decide.
    APP       A worker's app, known by the worker's technical account, sees that worker's own: name,
              number and company; and of the registrations and corrections that are visible to who
              reaches the whole company, those of that worker. It changes nothing.
    LET GO    What a company let go of is shown to nobody of it, nor to who runs the platform: its
              time is over, or the person asked to be erased. What the law makes it keep then is
              *restricted*: administrators and auditors take it out for an inspector, saying why,
              and `explain` tells them that it is there.
    WEBHOOK   Webhooks, and what became of what they were sent, are visible to administrators and to
              a program with webhooks:read; they change them, a program with webhooks:write. What a
              webhook is sent follows TOKEN, with the scopes that it was given, and no badge number
              whole; nobody gives it more than they may read, or leads elsewhere what reads more.
              It ends with the token of the program that it answers to.
    OPERATOR  Who runs the platform sees all of it, and nobody else sees what belongs to no company:
              records that are not understood, messages refused, alarms of no terminal.

The functions give conditions for WHERE; `docs/visibility.md` says the same at length, and a test
holds the two together.
"""

from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    case,
    false,
    or_,
    select,
    true,
)

from cloud.accounts.access import membership
from cloud.accounts.roles import Role
from cloud.accounts.scopes import Scope
from cloud.accounts.tables import grants
from cloud.audit.tables import audit
from cloud.companies.tables import companies, divisions, sites
from cloud.errors import NotFoundError
from cloud.languages.current import gettext as _
from cloud.registrations.holding import shown_to
from cloud.registrations.tables import registration_corrections, registrations
from cloud.terminals.tables import assignments, terminals
from cloud.webhooks.tables import webhooks
from cloud.workers.tables import restrictions, workers

RULES = (
    "MEMBER",
    "WHOLE",
    "GRANTED",
    "SITE",
    "EMPLOYER",
    "WORKER",
    "TERMINAL",
    "TRAIL",
    "TOKEN",
    "APP",
    "LET GO",
    "WEBHOOK",
    "OPERATOR",
)


_EACH_ALONE = 40
"""So many grants are looked for one by one; more would take the database longer to plan."""


@dataclass(frozen=True, slots=True)
class Operator:
    """OPERATOR: whoever runs the platform; `account_id` None: through a token."""

    account_id: int | None = None


@dataclass(frozen=True, slots=True)
class App:
    """APP: an app, as it looks at its worker's own."""

    app_id: int
    worker_id: int
    company_id: int


@dataclass(frozen=True, slots=True)
class Viewer:
    """An account as it looks at one company; TOKEN: without an account, a program."""

    account_id: int | None
    company_id: int
    role: Role
    external: bool
    divisions: frozenset[int]
    sites: frozenset[int]
    token_id: int | None = None
    """TOKEN: that of a program."""
    may: frozenset[Scope] = frozenset()
    """TOKEN: what a program is for."""

    @property
    def whole(self) -> bool:
        """WHOLE: whether everything of the company is reached."""
        return self.role.reaches_everything and not self.external

    @property
    def reads_trail(self) -> bool:
        """TRAIL."""
        return self.whole and self.account_id is not None

    @property
    def administers(self) -> bool:
        """WHOLE: whether it changes what the company has, and gives access."""
        return self.reads_trail and self.role is Role.ADMINISTRATOR

    @property
    def reads_workers(self) -> bool:
        """WORKER."""
        return self.reads(Scope.WORKERS_READ) and not self.external

    @property
    def enters_workers(self) -> bool:
        """WORKER: whether it changes the company's workers as well."""
        return self.reads_workers and self.role in (Role.ADMINISTRATOR, Role.MANAGER)

    @property
    def inspects(self) -> bool:
        """LET GO: whether it is told of what is restricted, and takes it out for an inspector."""
        return self.reads_trail

    @property
    def corrects(self) -> bool:
        """SITE and TOKEN: whether it corrects the registrations that it sees."""
        return self.enters_workers or self._program_for(Scope.CORRECTIONS_WRITE)

    @property
    def signs_off(self) -> bool:
        """SITE and TOKEN: whether a correction counts by its word alone."""
        return self.enters_workers or self._program_for(Scope.CORRECTIONS_DECIDE)

    @property
    def reads_webhooks(self) -> bool:
        """WEBHOOK."""
        return self.administers or self._program_for(Scope.WEBHOOKS_READ)

    def reads(self, scope: Scope) -> bool:
        """TOKEN: whether what a scope is for may be read, by an account by its other rules."""
        return self.account_id is not None or scope in self.may

    def _program_for(self, scope: Scope) -> bool:
        return self.token_id is not None and scope in self.may


def viewer(conn: Connection, account: int, company: int) -> Viewer:
    """MEMBER and GRANTED: an account's view of a company. Raises NotFoundError without one.

    A company that does not exist and one without access are the same to whoever asks.
    """
    found = membership(conn, account, company)
    if found is None:
        raise NotFoundError(_("you have no access to that company; ask its administrator for it"))
    granted = conn.execute(
        select(grants.c.division_id, grants.c.site_id).where(grants.c.membership_id == found.id)
    ).all()
    return Viewer(
        account,
        company,
        Role(found.role),
        bool(found.external),
        frozenset(row.division_id for row in granted if row.division_id is not None),
        frozenset(row.site_id for row in granted if row.site_id is not None),
    )


def program(
    company: int, *, token: int | None = None, may: frozenset[Scope] = frozenset()
) -> Viewer:
    """TOKEN: a company as a program sees it, with what its token is for."""
    nothing: frozenset[int] = frozenset()
    return Viewer(None, company, Role.AUDITOR, False, nothing, nothing, token, may)


def visible_registrations(
    seen_by: Viewer | Operator | App, of: FromClause = registrations
) -> ColumnElement[bool]:
    """SITE, EMPLOYER, APP, LET GO: a condition on `registrations`, or what was selected `of` it.

    Where several things give it, it is one OR of them all, each found by an index of its own.
    """
    if isinstance(seen_by, Operator):
        return and_(~of.c.site_let_go, ~of.c.employer_let_go)
    whole = shown_to(seen_by.company_id, of)
    if isinstance(seen_by, App):
        return whole & (of.c.worker_id == seen_by.worker_id)
    if seen_by.whole:
        return whole
    here = (of.c.company_id == seen_by.company_id) & ~of.c.site_let_go
    granted = [(of.c.division_id, each) for each in sorted(seen_by.divisions)]
    granted += [(of.c.site_id, each) for each in sorted(seen_by.sites)]
    if len(granted) > _EACH_ALONE:
        return here & _reached(seen_by, of.c.division_id, of.c.site_id)
    # Within CASE it is no road to the rows, and no reason to think that they are few: what is
    # granted is of the company, but for a mistake, and its own index gives its newest at once.
    ours = case((here, true()), else_=false())
    return or_(false(), *(ours & (column == each) for column, each in granted))


def visible_corrections(seen_by: Viewer | Operator | App) -> ColumnElement[bool]:
    """SITE, APP, LET GO: a condition on `registration_corrections`, which are of who made them."""
    shown = ~restricted_corrections().exists()
    if isinstance(seen_by, Operator):
        return shown
    ours = (registration_corrections.c.company_id == seen_by.company_id) & shown
    if isinstance(seen_by, App):
        return ours & (registration_corrections.c.worker_id == seen_by.worker_id)
    if seen_by.whole:
        return ours
    table = registration_corrections
    return ours & _reached(seen_by, table.c.division_id, table.c.site_id)


def visible_workers(seen_by: Viewer | Operator | App) -> ColumnElement[bool]:
    """WORKER, APP and LET GO: a condition on `workers`."""
    shown = workers.c.restricted_ms.is_(None)
    if isinstance(seen_by, Operator):
        return shown
    ours = (workers.c.company_id == seen_by.company_id) & shown
    if isinstance(seen_by, App):
        return ours & (workers.c.id == seen_by.worker_id)
    if not seen_by.reads_workers:
        return false()
    return ours


def visible_companies(seen_by: Viewer | Operator) -> ColumnElement[bool]:
    """MEMBER: a condition on `companies`; private ones are on nobody's list."""
    if isinstance(seen_by, Operator):
        return companies.c.private.is_(False)
    return companies.c.id == seen_by.company_id


def visible_divisions(seen_by: Viewer | Operator) -> ColumnElement[bool]:
    """WHOLE and GRANTED: a condition on `divisions`; with a granted site its division is named."""
    if isinstance(seen_by, Operator):
        return true()
    ours = divisions.c.company_id == seen_by.company_id
    if seen_by.whole:
        return ours
    around = select(sites.c.division_id).where(sites.c.id.in_(sorted(seen_by.sites)))
    return ours & or_(divisions.c.id.in_(sorted(seen_by.divisions)), divisions.c.id.in_(around))


def visible_sites(seen_by: Viewer | Operator) -> ColumnElement[bool]:
    """WHOLE and GRANTED: a condition on `sites`."""
    if isinstance(seen_by, Operator):
        return true()
    ours = sites.c.division_id.in_(
        select(divisions.c.id).where(divisions.c.company_id == seen_by.company_id)
    )
    if seen_by.whole:
        return ours
    return ours & _reached(seen_by, sites.c.division_id, sites.c.id)


def visible_terminals(seen_by: Viewer | Operator) -> ColumnElement[bool]:
    """TERMINAL: a condition on `terminals`."""
    if isinstance(seen_by, Operator):
        return true()
    return terminals.c.id.in_(
        last_places().where(
            assignments.c.site_id.in_(select(sites.c.id).where(visible_sites(seen_by)))
        )
    )


def visible_trail(seen_by: Viewer | Operator) -> ColumnElement[bool]:
    """TRAIL: a condition on `audit`."""
    if isinstance(seen_by, Operator):
        return true()
    if not seen_by.reads_trail:
        return false()
    return audit.c.company_id == seen_by.company_id


def restricted_corrections() -> Select[tuple[int]]:
    """LET GO: what hides the correction that it is asked of, if anything does."""
    table = registration_corrections
    return (
        select(restrictions.c.id)
        .where(
            restrictions.c.company_id == table.c.company_id,
            restrictions.c.worker_id == table.c.worker_id,
            restrictions.c.until_ms >= table.c.tapped_ms,
        )
        .correlate(table)
    )


def visible_webhooks(seen_by: Viewer) -> ColumnElement[bool]:
    """WEBHOOK: a condition on `webhooks`; who may change them sees them as well."""
    return webhooks.c.company_id == seen_by.company_id if seen_by.reads_webhooks else false()


def last_places() -> Select[tuple[int]]:
    """The terminals, each by its last assignment: to be narrowed by a condition on it."""
    later = assignments.alias("later")
    after = select(later.c.id).where(
        later.c.terminal_id == assignments.c.terminal_id, later.c.from_ms > assignments.c.from_ms
    )
    return select(assignments.c.terminal_id).where(~after.exists())


def _reached(
    seen_by: Viewer, division: ColumnElement[int], site: ColumnElement[int]
) -> ColumnElement[bool]:
    """GRANTED."""
    return or_(division.in_(sorted(seen_by.divisions)), site.in_(sorted(seen_by.sites)))
