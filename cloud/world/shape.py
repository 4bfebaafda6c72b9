"""What stands in a world's TOML file: tables of seven kinds, each in the words of the platform.

    [[companies]]    vat, name
    [[divisions]]    company, name
    [[sites]]        company, division, name, address, workplace_id
    [[workers]]      company, number, given_name, family_name, active
    [[badges]]       profile, number, and whose: company and worker; or only the employer's VAT
    [[terminals]]    public_key, name
    [[assignments]]  terminal, company, division, site, from, to

A company is named by VAT number or name, a terminal by device number or name. `public_key` is the
hexadecimal that `pointeuse provision show --json` prints, or a file that holds it, as a path from
the world's file. `from` and `to` are times; one without an offset is meant in Brussels.
"""

from datetime import datetime

from msgspec import Struct, field


class Company(Struct, forbid_unknown_fields=True, frozen=True):
    """`[[companies]]`."""

    vat: str
    name: str


class Division(Struct, forbid_unknown_fields=True, frozen=True):
    """`[[divisions]]`."""

    company: str
    name: str


class Site(Struct, forbid_unknown_fields=True, frozen=True):
    """`[[sites]]`."""

    company: str
    division: str
    name: str
    address: str | None = None
    workplace_id: str | None = None


class Worker(Struct, forbid_unknown_fields=True, frozen=True):
    """`[[workers]]`."""

    company: str
    number: str
    given_name: str
    family_name: str
    active: bool = True


class Badge(Struct, forbid_unknown_fields=True, frozen=True):
    """`[[badges]]`."""

    profile: str
    number: str
    company: str | None = None
    worker: str | None = None
    employer: str | None = None


class Terminal(Struct, forbid_unknown_fields=True, frozen=True):
    """`[[terminals]]`."""

    public_key: str
    name: str | None = None


class Assignment(Struct, forbid_unknown_fields=True, frozen=True):
    """`[[assignments]]`."""

    terminal: str
    company: str
    division: str
    site: str
    start: datetime = field(name="from")
    end: datetime | None = field(name="to", default=None)


class World(Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file."""

    companies: list[Company] = []
    divisions: list[Division] = []
    sites: list[Site] = []
    workers: list[Worker] = []
    badges: list[Badge] = []
    terminals: list[Terminal] = []
    assignments: list[Assignment] = []
