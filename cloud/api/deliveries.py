"""`/v1/webhooks/{number}/deliveries`: what webhooks were sent, a test, and sending again."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from cloud.api import problems
from cloud.api.access import ChangesWebhooks, ReadsWebhooks
from cloud.api.parameters import Database, Identifier, Page, Paged, Timestamp
from cloud.api.writing import Answer, Key, once
from cloud.times import rfc3339
from cloud.visibility import rules
from cloud.webhooks import queries, service
from cloud.webhooks.events import Event
from cloud.webhooks.queries import State
from cloud.webhooks.sending import Outcome

router = APIRouter(tags=["webhooks"], responses=problems.DESCRIBED, prefix="/webhooks/{number}")


class Delivery(BaseModel):
    """An event as it is, or was, sent to a webhook. It is kept for 30 days."""

    id: int
    message: str = Field(description="Its `webhook-id`: the same at every try.")
    event: Event
    about: int | None = Field(description="Id of the registration, worker, ...; null: a test.")
    happened_at: Timestamp
    state: State
    tries: int
    outcome: Outcome | None = Field(description="Of the last try.")
    status: int | None = Field(description="That the server answered at the last try.")
    answer: str | None = Field(description="The beginning of what it answered.")
    tried_at: Timestamp | None
    due_at: Timestamp | None = Field(description="When it is tried next; null: it is over.")


class WantedDeliveries(Paged):
    """Which deliveries."""

    state: State | None = None


@router.post("/test", status_code=202, response_model=Delivery)
def send_test(
    request: Request, who: ChangesWebhooks, number: Identifier, key: Key = None
) -> Response:
    """Send a test to a webhook."""
    company = who.viewer.company_id

    def work(conn: Connection) -> Answer:
        made = service.test(conn, company, number)
        who.note(conn, "webhook", "test", target_id=number)
        return Answer(_delivery(queries.delivery(conn, number, made)), 202)

    return once(request, who, key, None, work)


@router.get("/deliveries")
def listed_deliveries(
    conn: Database,
    who: ReadsWebhooks,
    number: Identifier,
    wanted: Annotated[WantedDeliveries, Query()],
) -> Page[Delivery]:
    """List what a webhook was sent, or is to be sent, the newest first."""
    queries.one(conn, number, visible=rules.visible_webhooks(who.viewer))
    rows = queries.deliveries(
        conn, number, only=wanted.state, before=wanted.position, limit=wanted.limit + 1
    )
    return wanted.page(rows, _delivery)


@router.post("/deliveries/{delivery}/again", status_code=202, response_model=Delivery)
def send_again(
    request: Request,
    who: ChangesWebhooks,
    number: Identifier,
    delivery: Identifier,
    key: Key = None,
) -> Response:
    """Send a delivery once more, under the `webhook-id` it had."""
    company = who.viewer.company_id

    def work(conn: Connection) -> Answer:
        service.again(conn, company, number, delivery)
        who.note(conn, "webhook", "send-again", target_id=number, detail={"delivery": delivery})
        return Answer(_delivery(queries.delivery(conn, number, delivery)), 202)

    return once(request, who, key, None, work)


def _delivery(row: Any) -> Delivery:
    tried_ms = row["tried_ms"]
    return Delivery(
        id=row["id"],
        message=row["message"],
        event=row["event"],
        about=row["subject_id"],
        happened_at=rfc3339(row["at_ms"]),
        state=queries.state(row),
        tries=row["tries"],
        outcome=row["outcome"],
        status=row["status"],
        answer=row["answer"] or None,
        tried_at=None if tried_ms is None else rfc3339(tried_ms),
        due_at=rfc3339(row["due_ms"]) if row["over_ms"] is None else None,
    )
