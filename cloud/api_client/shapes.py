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


class Page(Struct, frozen=True):
    """Some of the items of a list, each as JSON."""

    items: list[Raw]
    next: str | None


class Problem(Struct, frozen=True):
    """What went wrong (RFC 9457)."""

    title: str = ""
    status: int = 0
    detail: str = ""
