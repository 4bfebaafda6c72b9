"""A small world, the same for the same seed: a contractor, subcontractors, workers and badges.

Every name and number is made up; enterprise numbers and badge numbers are well-formed.
"""

from dataclasses import dataclass, field

from hwsim.crowd import Worker as Person
from hwsim.crowd import crowd, enterprise_number


@dataclass(frozen=True)
class Site:
    """A place of work of a division of a company."""

    company: str
    division: str
    name: str
    address: str


@dataclass(frozen=True)
class Company:
    """A registered company, or (unregistered) an employer only badges know of."""

    name: str
    number: str


@dataclass(frozen=True)
class Badge:
    """A badge as the reader names it. `employer`: an enterprise number printed on it."""

    profile: str
    number: str
    employer: str | None = None

    @property
    def assurance(self) -> str:
        """How surely its reader identifies it."""
        return "printed" if self.profile == "printed" else "uid"

    @property
    def presented(self) -> str:
        """What is held to a reader: a printed code carries the employer too."""
        return self.number + (self.employer or "") if self.profile == "printed" else self.number


@dataclass(frozen=True)
class Worker:
    """A worker, known to a company, with one badge."""

    name: tuple[str, str]
    number: str
    company: Company
    badge: Badge


@dataclass
class World:
    """Everybody and everything in it."""

    contractor: Company
    subcontractors: list[Company]
    unregistered: Company
    sites: list[Site]
    workers: list[Worker] = field(default_factory=list)
    strangers: list[Badge] = field(default_factory=list)
    """Badges of the unregistered employer: nobody entered them."""
    newcomers: list[Worker] = field(default_factory=list)
    """Workers whose badges are linked to them only after they tapped."""

    def of_profile(self, profile: str) -> list[Worker]:
        """Workers whose badge is of a kind: "em4100", "printed" or "uid"."""
        return [worker for worker in self.workers if worker.badge.profile == profile]


_PROFILES = {"em4100": 36, "printed": 15, "uid": 6}
"""Workers with each kind of badge: with the newcomers, sixty."""
_NEWCOMERS = 3
_STRANGERS = 6
CODE_PATTERN = "^(?P<badge>[0-9]{12})(?P<employer>[01][0-9]{9})$"
"""What the demo's scanners read: a card number, then the employer's enterprise number."""


def make_world(seed: int) -> World:
    """The world of a seed."""
    names = [
        "Bouwwerken Scheldezicht NV",
        "Toitures de la Meuse SRL",
        "Elektro Kempenland BV",
        "Schilderwerken De Kwast BV",
    ]
    companies = [Company(name, enterprise_number(index)) for index, name in enumerate(names)]
    unregistered = Company("", enterprise_number(len(names)))
    contractor = companies[0]
    north, south = "Vlaanderen", "Wallonie"
    world = World(
        contractor=contractor,
        subcontractors=companies[1:],
        unregistered=unregistered,
        sites=[
            Site(contractor.name, north, "Kaai 12", "Kaai 12, 2000 Antwerpen"),
            Site(contractor.name, north, "Station Dampoort", "Oktrooiplein 1, 9000 Gent"),
            Site(contractor.name, south, "Citadelle", "Route Merveilleuse 60, 5000 Namur"),
            Site(contractor.name, south, "Quai de Rome", "Quai de Rome 40, 4000 Liège"),
        ],
    )
    by_number = {company.number: company for company in companies}
    people = iter(crowd(seed, sum(_PROFILES.values()), [company.number for company in companies]))
    for profile, count in _PROFILES.items():
        world.workers += [_worker(next(people), profile, by_number) for _ in range(count)]
    hired = crowd(seed + 1, _NEWCOMERS, [company.number for company in companies[1:]])
    world.newcomers = [_worker(person, "em4100", by_number) for person in hired]
    strangers = crowd(seed + 2, _STRANGERS, [unregistered.number])
    world.strangers = [_badge(person, "printed") for person in strangers]
    return world


def _worker(person: Person, profile: str, companies: dict[str, Company]) -> Worker:
    name = (person.given_name, person.family_name)
    return Worker(name, person.number, companies[person.employer], _badge(person, profile))


def _badge(person: Person, profile: str) -> Badge:
    match profile:
        case "em4100":
            return Badge(profile, person.em4100)
        case "uid":
            return Badge(profile, person.uid)
    return Badge(profile, person.card_number, person.employer)
