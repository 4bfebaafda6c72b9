"""What every route of the API answers to every kind of token. One that is not here fails a test.

A path names objects; each is filled in with our company's, with another company's, and with one
that does not exist. The last two must be answered alike.
"""

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Route:
    """A route: who may ask it, and what is sent."""

    company: bool = True
    """Whether a company's token may ask."""
    operator: bool = True
    """Whether the operator's may."""
    query: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    subject: str | None = None
    """What `{number}` is; {subject} and {device} in query and body are filled in likewise."""
    tells: bool = True
    """Whether it answers our objects with something of them."""
    least: bool = False
    """Whether a token that nobody gave a scope reads it."""
    app: bool = False
    """Whether a worker's app may ask."""
    refused: int = 403
    """What a program is answered that may not ask."""
    nobody: int = 401
    """What is answered without a token."""

    @property
    def names_objects(self) -> bool:
        """Whether it speaks of something that is a company's."""
        asked = "".join(self.query.values())
        return self.subject is not None or "{" in asked


LIST = Route()
PERIOD = {"since": "2026-03-02", "until": "2026-03-02"}
OPERATOR_S = Route(company=False)
APP_S = Route(company=False, operator=False, app=True, refused=401)
ROUTES = {
    ("get", "/v1/registrations"): Route(least=True),
    ("get", "/v1/registrations/{number}"): Route(subject="registration", least=True),
    ("get", "/v1/registrations/{number}/proof"): Route(subject="registration"),
    ("get", "/v1/days"): Route(operator=False, query={"date": "2026-03-02"}, least=True),
    ("get", "/v1/days/{number}"): Route(operator=False, subject="worker", query=PERIOD, least=True),
    ("get", "/v1/corrections"): Route(operator=False),
    ("post", "/v1/corrections"): Route(
        operator=False,
        subject="registration",
        body={"kind": "void", "registration_id": "{subject}", "reason": "Seen"},
    ),
    ("get", "/v1/corrections/{number}"): Route(operator=False, subject="correction"),
    ("post", "/v1/corrections/{number}/decision"): Route(
        operator=False, subject="correction", body={"approve": True}
    ),
    ("get", "/v1/exports"): Route(operator=False),
    ("post", "/v1/exports"): Route(operator=False, body={"whole": True}),
    ("get", "/v1/exports/{number}"): Route(operator=False, subject="export"),
    ("get", "/v1/exports/{number}/file"): Route(operator=False, subject="export"),
    ("get", "/v1/companies"): LIST,
    ("get", "/v1/sites"): LIST,
    ("post", "/v1/sites"): Route(
        operator=False, subject="division", body={"division_id": "{subject}", "name": "Kade"}
    ),
    ("get", "/v1/sites/{number}"): Route(operator=False, subject="site"),
    ("patch", "/v1/sites/{number}"): Route(
        operator=False, subject="site", body={"address": "Kade 1"}
    ),
    ("get", "/v1/divisions"): LIST,
    ("post", "/v1/divisions"): Route(operator=False, body={"name": "Sud"}),
    ("get", "/v1/divisions/{number}"): Route(operator=False, subject="division"),
    ("patch", "/v1/divisions/{number}"): Route(
        operator=False, subject="division", body={"name": "Noord"}
    ),
    ("get", "/v1/terminals"): LIST,
    ("get", "/v1/terminals/{number}"): Route(subject="terminal"),
    ("get", "/v1/workers"): Route(operator=False),
    ("post", "/v1/workers"): Route(
        operator=False, body={"number": "99", "given_name": "Bo", "family_name": "Bos"}
    ),
    ("get", "/v1/workers/{number}"): Route(operator=False, subject="worker"),
    ("patch", "/v1/workers/{number}"): Route(
        operator=False, subject="worker", body={"given_name": "Bo"}
    ),
    ("post", "/v1/workers/{number}/badges"): Route(
        operator=False, subject="worker", body={"profile": "uid", "number": "04A1B2C3D4E5F6"}
    ),
    ("put", "/v1/workers/{number}/badges/{badge}"): Route(
        operator=False, subject="worker", body={"valid_from": "2026-01-01T00:00Z"}
    ),
    ("delete", "/v1/workers/{number}/badges/{badge}"): Route(
        operator=False, subject="worker", tells=False
    ),
    ("get", "/v1/retention"): Route(operator=False),
    ("put", "/v1/retention"): Route(operator=False, body={"months": 90}),
    ("get", "/v1/workers/{number}/data"): Route(operator=False, subject="worker"),
    ("get", "/v1/workers/{number}/erasure"): Route(operator=False, subject="worker"),
    ("post", "/v1/workers/{number}/erasure"): Route(operator=False, subject="left"),
    ("get", "/v1/erasures"): Route(operator=False),
    ("get", "/v1/erasures/{number}"): Route(operator=False, subject="erasure"),
    ("get", "/v1/explain/worker"): Route(operator=False, query={"worker": "{name}"}),
    ("get", "/v1/explain/registration"): Route(
        operator=False, subject="registration", query={"number": "{subject}"}
    ),
    ("get", "/v1/explain/terminal"): Route(operator=False, query={"device": "{device}"}),
    # A code that is not right, whoever sends it.
    ("post", "/v1/app/pairing"): Route(
        company=False, operator=False, body={"code": "AAAA-AAAA", "name": "x"}, nobody=403
    ),
    ("get", "/v1/app/me"): APP_S,
    ("get", "/v1/app/days"): replace(APP_S, query=PERIOD),
    ("get", "/v1/app/explain"): APP_S,
    ("get", "/v1/webhooks"): Route(operator=False),
    ("post", "/v1/webhooks"): Route(
        operator=False,
        body={
            "name": "Payroll", "url": "https://example.be/hook", "events": ["worker.changed"],
            "scopes": ["workers:read"],
        },
    ),
    ("get", "/v1/webhooks/{number}"): Route(operator=False, subject="webhook"),
    ("patch", "/v1/webhooks/{number}"): Route(
        operator=False, subject="webhook", body={"name": "Planning"}
    ),
    ("post", "/v1/webhooks/{number}/secret"): Route(operator=False, subject="webhook"),
    ("post", "/v1/webhooks/{number}/test"): Route(operator=False, subject="webhook"),
    ("get", "/v1/webhooks/{number}/deliveries"): Route(operator=False, subject="webhook"),
    ("post", "/v1/webhooks/{number}/deliveries/{delivery}/again"): Route(
        operator=False, subject="webhook"
    ),
    ("delete", "/v1/webhooks/{number}"): Route(operator=False, subject="webhook", tells=False),
    ("get", "/v1/alarms"): OPERATOR_S,
    ("get", "/v1/rejected"): OPERATOR_S,
    ("get", "/v1/waiting"): OPERATOR_S,
    ("get", "/v1/health"): OPERATOR_S,
}  # fmt: skip
