"""What the API answers. Times are RFC 3339 text. Fields that a later server adds are left out."""

from typing import Any

from msgspec import Raw, Struct


class Registration(Struct, frozen=True):
    """A tap."""

    id: int
    device: str
    epoch: str
    seq: int
    reader: str | None
    badge: str
    assurance: str
    remarks: list[str]
    worker: str | None
    employer: str | None
    private_company: bool
    company: str | None
    division: str | None
    site: str | None
    direction: str
    tapped_at: str
    earliest: str | None
    latest: str | None
    corrected: bool
    received_at: str
    reason: str | None


class Stands(Struct, frozen=True):
    """A place in a terminal's journal."""

    epoch: str
    seq: int


class Record(Stands, frozen=True):
    """A record as the terminal wrote it, and the head that signs for it; octets in hexadecimal.

    `following` are the hashes of the bodies after it, up to the head's.
    """

    branch: int
    first_stood: Stands | None
    body: str
    blob: str | None
    before: str | None
    link: str
    following: list[str] | None
    head: str | None
    head_seq: int | None
    received_at: str


class Receipt(Struct, frozen=True):
    """The platform's signed word that it holds everything up to `seq`."""

    message: str
    seq: int
    signed_at: str
    following: list[str] | None


class Proof(Struct, frozen=True):
    """What proves a registration; `disclosure` is a file in hexadecimal, if it was asked for."""

    registration: int
    device: str
    record: Record | None
    receipt: Receipt | None
    disclosure: str | None


class Company(Struct, frozen=True):
    """A registered company."""

    id: int
    vat: str
    name: str


class Division(Struct, frozen=True):
    """A part of the company; `tag` is the ETag that a change of it names, empty in a list."""

    id: int
    name: str
    closed: bool
    tag: str = ""


class Site(Struct, frozen=True):
    """A place of work as a list names it."""

    id: int
    name: str
    division: str
    company: str
    vat: str
    address: str | None
    workplace_id: str | None


class Place(Struct, frozen=True):
    """A place of work by itself; `tag` is the ETag that a change of it names."""

    id: int
    division_id: int
    name: str
    address: str | None
    workplace_id: str | None
    closed: bool
    tag: str = ""


class Terminal(Struct, frozen=True):
    """A terminal, where it stands now, and what it last said of itself."""

    id: int
    device: str
    name: str | None
    status: str
    company: str | None
    division: str | None
    site: str | None
    assigned_at: str | None
    last_seen_at: str | None
    said: dict[str, Any]


class ListedWorker(Struct, frozen=True):
    """Somebody who works for the company."""

    id: int
    number: str
    given_name: str
    family_name: str
    active: bool


class Badge(Struct, frozen=True):
    """A badge of a worker, its number masked."""

    id: int
    profile: str
    number: str
    valid_from: str | None
    valid_until: str | None


class Worker(ListedWorker, frozen=True):
    """A worker whole; `tag` is the ETag that a change of it names."""

    inss: str | None
    badges: list[Badge]
    tag: str = ""


class PersonData(Struct, frozen=True):
    """Everything that is held of a person; lists as in the columns of the console's."""

    made_at: str
    company: dict[str, Any]
    person: dict[str, Any]
    badges: list[dict[str, Any]]
    registrations: list[dict[str, Any]]
    corrections: list[dict[str, Any]]
    snapshots: list[dict[str, Any]]
    trail: list[dict[str, Any]]
    apps: list[dict[str, Any]] = []


class PlanLine(Struct, frozen=True):
    """How much of something goes, and how much is kept until when."""

    what: str
    now: int
    kept: int
    until: str | None


class Plan(Struct, frozen=True):
    """What an erasure would do now."""

    lines: list[PlanLine]


class Erasure(Struct, frozen=True):
    """A request to erase somebody."""

    id: int
    state: str
    entered_at: str
    decided_at: str | None
    done_at: str | None
    kept_until: str | None
    counts: dict[str, int]


class Retention(Struct, frozen=True):
    """For how many months presences are kept; `tag` is the ETag that a change of it names."""

    months: int
    minimum: int
    maximum: int
    tag: str = ""


class Step(Struct, frozen=True):
    """One thing that was looked at."""

    check: str
    verdict: str
    found: str
    mender: str | None
    fix: str | None


class Explanation(Struct, frozen=True):
    """Why something is not visible."""

    visible: bool
    steps: list[Step]


class Tap(Struct, frozen=True):
    """A registration as it is paired, or a tap that a correction added."""

    at: str
    direction: str
    was: str | None
    site_id: int | None
    site: str | None
    registration: int | None
    correction: int | None
    late: bool
    clock_corrected: bool
    unsure: bool


class Pair(Struct, frozen=True):
    """A period of work, or with `rest` a break; `missing` is the tap that is not there."""

    start: Tap | None
    end: Tap | None
    rest: bool
    missing: str | None
    overlaps: bool
    lasts_s: int


class Day(Struct, frozen=True):
    """The periods that begin on a day."""

    day: str
    pairs: list[Pair]
    work_s: int
    break_s: int
    incomplete: bool


class WorkerDay(Day, frozen=True):
    """A worker's day."""

    worker_id: int
    given_name: str
    family_name: str


class WorkerDays(Struct, frozen=True):
    """Days of a worker, what corrections made void of them, and ids of those that wait."""

    worker_id: int
    given_name: str
    family_name: str
    days: list[Day]
    void: list[Tap]
    proposed: list[int]


class Correction(Struct, frozen=True):
    """A correction; `tag` is the ETag that a decision names, empty in a list."""

    id: int
    kind: str
    state: str
    second: bool
    registration_id: int | None
    worker_id: int
    given_name: str
    family_name: str
    division: str | None
    site: str | None
    tapped_at: str
    direction: str | None
    reason: str
    entered_by: str
    entered_at: str
    decided_by: str | None
    decided_at: str | None
    tag: str = ""


class Webhook(Struct, frozen=True):
    """Where events are sent to; `tag` is the ETag that a change of it names, empty in a list.

    `secret` is there when it was made just now, and never again.
    """

    id: int
    name: str
    url: str
    events: list[str]
    scopes: list[str]
    active: bool
    owed: int
    missed: int
    why: list[str]
    last_taken_at: str | None
    created_at: str
    secret: str | None = None
    tag: str = ""


class Delivery(Struct, frozen=True):
    """An event as it is, or was, sent to a webhook."""

    id: int
    message: str
    event: str
    about: int | None
    happened_at: str
    state: str
    tries: int
    outcome: str | None
    status: int | None
    answer: str | None
    tried_at: str | None
    due_at: str | None


class Incomplete(Struct, frozen=True):
    """A terminal that may hold, or have lost, registrations that are not in a snapshot."""

    device: str
    why: str


class Export(Struct, frozen=True):
    """A snapshot; `since` is the number of the one it goes on from, None: it is whole."""

    id: int
    number: int
    since: int | None
    rows: int
    made_at: str
    complete_until: str
    incomplete: list[Incomplete]


class Page(Struct, frozen=True):
    """Some of the items of a list, each as JSON."""

    items: list[Raw]
    next: str | None


class Problem(Struct, frozen=True):
    """What went wrong (RFC 9457)."""

    title: str = ""
    status: int = 0
    detail: str = ""
