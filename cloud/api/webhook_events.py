"""The events of webhooks, as the description of the API tells of them (OpenAPI 3.1, `webhooks`)."""

from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, Field

from cloud.api.corrections import Correction
from cloud.api.parameters import Timestamp
from cloud.api.registrations import Registration
from cloud.api.registry import Terminal
from cloud.api.workers import Badge, ListedWorker
from cloud.webhooks.events import MEANINGS, Event

T = TypeVar("T")

Id = Annotated[
    str,
    Header(
        alias="webhook-id",
        description="The same at every try, and when it is sent again: what was taken under it"
        " already needs nothing more than an answer.",
    ),
]
Sent = Annotated[
    str,
    Header(alias="webhook-timestamp", description="When it was sent: seconds since 1970."),
]
Signature = Annotated[
    str,
    Header(
        alias="webhook-signature",
        description="`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, by the secret;"
        " several, parted by spaces, while a secret is being replaced.",
    ),
]


class Told(BaseModel, Generic[T]):
    """What is sent."""

    type: Event
    id: str = Field(description="As in the header `webhook-id`.")
    timestamp: Timestamp = Field(description="When it happened.")
    company: str = Field(description="VAT number, with country: BE0403019261.")
    url: str | None = Field(
        description="Where the API shows the thing: an address, or, where the platform was not told"
        " its own, a path."
    )
    data: T | None = Field(
        description="The thing as the API shows it, when this is sent first; null when the webhook"
        " has not the scope for it, or it is not seen any more."
    )


class ToldWorker(ListedWorker):
    """Somebody who works for the company, without INSS."""

    badges: list[Badge]


class NothingTold(Told[None]):
    """What is gone, or a test: there are no fields to show."""


_SHAPES: dict[str, Any] = {
    "registration": Told[Registration],
    "correction": Told[Correction],
    "terminal": Told[Terminal],
    "worker": Told[ToldWorker],
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    "2XX": {"description": "Taken, if it comes within ten seconds."},
    410: {"description": "Gone for good: nothing more is sent."},
    "default": {"description": "Not taken, 3XX as well: it is tried again, for three days."},
}

router = APIRouter()


def _described(event: Event) -> Callable[..., None]:
    """What takes an event: described, and written by whoever is told."""
    shape = _SHAPES[event.thing] if event.shows else NothingTold

    def told(body: Any, message: Id, timestamp: Sent, signature: Signature) -> None:
        del body, message, timestamp, signature

    told.__annotations__["body"] = shape
    told.__doc__ = f"{MEANINGS[event]}."
    return told


for _event in Event:
    router.post(
        _event.value,
        status_code=204,
        response_class=Response,
        responses=_ANSWERS,
        summary=_event.value,
        operation_id=_event.value,
        tags=["webhooks"],
    )(_described(_event))
