"""Who may log in to the demonstration: one account for each role, and what it is there to show."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from hwsim.demo.world import Company, Site, World
from hwsim.processes import run
from hwsim.stack import OPERATOR, Stack


@dataclass(frozen=True)
class Access:
    """A part in a company: the role, and the divisions and sites granted."""

    company: Company
    role: str
    places: tuple[str, ...] = ()
    external: bool = False


@dataclass(frozen=True)
class Login:
    """An account, in the language it reads, and what it shows."""

    email: str
    name: str
    language: str
    shows: str
    access: list[Access] = field(default_factory=list)


def logins(world: World) -> list[Login]:
    """The accounts of a world, but for the operator's."""
    contractor, subcontractor = world.contractor, world.subcontractors[0]
    quay, _, citadel, _ = world.sites
    return [
        Login(
            "an.peeters@contractor.example", "An Peeters", "nl", "all of the contractor",
            [Access(contractor, "administrator")],
        ),
        Login(
            "luc.lambert@contractor.example", "Luc Lambert", "fr",
            f"the contractor's division {citadel.division}",
            [Access(contractor, "manager", (citadel.division,))],
        ),
        Login(
            "eva.schmitz@contractor.example", "Eva Schmitz", "de", f"one site, {citadel.name}",
            [Access(contractor, "viewer", (_place(citadel),))],
        ),
        Login(
            "audit@contractor.example", "Kim Janssens", "en", "all of it, and the trail",
            [Access(contractor, "auditor")],
        ),
        Login(
            "marie.dubois@roofing.example", "Marie Dubois", "fr",
            f"her own company, and from outside {quay.name}",
            [
                Access(subcontractor, "administrator"),
                Access(contractor, "viewer", (_place(quay),), external=True),
            ],
        ),
    ]  # fmt: skip


def open_accounts(stack: Stack, world: World) -> str:
    """Make the accounts, the first time; the password of all of them."""
    password = stack.operator_password()
    made = stack.directory / "accounts-made"
    if not made.exists():
        known = run("cloud", "account", "list", "--json", "--config", stack.settings)
        aside = ThreadPoolExecutor(2)
        try:
            opened = [
                aside.submit(_open, stack, login, password, f'"{login.email}"' in known)
                for login in logins(world)
            ]
            for each in opened:
                each.result()
        finally:
            # Whoever was interrupted does not wait for those that come next.
            aside.shutdown(cancel_futures=True)
        made.touch()
    return password


def table(world: World) -> str:
    """The accounts as people read them, one a line."""
    rows = [(OPERATOR, "the whole platform"), *((each.email, each.shows) for each in logins(world))]
    width = max(len(email) for email, _ in rows)
    return "\n".join(f"    {email:<{width}}  {shows}" for email, shows in rows)


def _open(stack: Stack, login: Login, password: str, known: bool) -> None:
    place = ("--config", stack.settings)
    names = ("--name", login.name, "--language", login.language)
    if not known:
        run("cloud", "account", "add", login.email, *names, *place)
    run("cloud", "account", "password", login.email, "--stdin", *place, given=password)
    for access in login.access:
        words = ["--company", access.company.number, "--role", access.role]
        words += [word for granted in access.places for word in ("--place", granted)]
        words += ["--external"] * access.external
        run("cloud", "account", "grant", login.email, *words, *place)


def _place(site: Site) -> str:
    return f"{site.division}/{site.name}"
