"""`/v1/registrations/{number}/proof`: what a registration is proved by; looks are in the trail."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from cloud.api import problems
from cloud.api.access import Caller, ProvesRegistrations
from cloud.api.parameters import Database, Identifier, Timestamp
from cloud.disclosure import service as disclosure
from cloud.errors import NotFoundError
from cloud.registrations import proofs, queries
from cloud.sealing import sealing_keys
from cloud.times import rfc3339
from cloud.visibility import row_security, rules

router = APIRouter(tags=["registrations"], responses=problems.DESCRIBED)

_HASHES = "H(body), in hexadecimal, of each record"


class Stands(BaseModel):
    """A place in a terminal's journal."""

    epoch: str = Field(description="16 bytes in hexadecimal.")
    seq: int


class Record(Stands):
    """A record as the terminal wrote it, and the head with which it signed for it."""

    branch: int = Field(description="0, but for a chain that contradicts another one.")
    first_stood: Stands | None = Field(
        description="Where the record of the tap stood first, when this one carries it over."
    )
    body: str = Field(description="Deterministic CBOR, in hexadecimal.")
    blob: str | None = Field(description="Who tapped, sealed to the platform; in hexadecimal.")
    before: str | None = Field(description="link(seq-1); null when it is not in custody.")
    link: str = Field(description="link(seq): SHA-256 over the link before and H(body).")
    following: list[str] | None = Field(description=f"{_HASHES} after it, up to the head's.")
    head: str | None = Field(description="COSE_Sign1 over the link at `head_seq`; null: not yet.")
    head_seq: int | None
    received_at: Timestamp


class Receipt(BaseModel):
    """The platform's signed word that it holds everything up to `seq`, as the terminal got it."""

    message: str = Field(description="The receipt message, in hexadecimal.")
    seq: int
    signed_at: Timestamp
    following: list[str] | None = Field(
        description=f"{_HASHES} after the head's, up to the receipt's; null when one is missing."
    )


class Proof(BaseModel):
    """What a registration is proved by: to be recomputed by whoever has both public keys."""

    registration: int
    device: str = Field(description="Device number of the terminal, without hyphens.")
    record: Record | None = Field(description="Null when custody has it no more.")
    receipt: Receipt | None = Field(description="The first kept that covers it; null: none yet.")
    disclosure: str | None = Field(
        description="In hexadecimal, if asked for: the file that `pointeuse verify` reads. It opens"
        " the badge number of this record, and of no other."
    )


@router.get("/registrations/{number}/proof")
def proof(
    request: Request,
    conn: Database,
    who: ProvesRegistrations,
    number: Identifier,
    opened: Annotated[
        bool,
        Query(description="With the badge opened, for a token that reads badge numbers whole."),
    ] = False,
) -> Proof:
    """What proves a registration: its record, the terminal's signature, the platform's receipt."""
    if opened and not who.whole_badges:
        raise HTTPException(403, "This token may not read badge numbers whole; leave `opened` out.")
    row = queries.one(conn, number, visible=rules.visible_registrations(who.seen_by))
    if row is None:
        raise NotFoundError(f"there is no registration {number}")
    found = proofs.proof(conn, number)
    file = _disclosure(request, conn, number) if opened else None
    _note(request, who, number, opened=opened)
    return Proof(
        registration=number,
        device=row["device"],
        record=None if found is None else _record(found),
        receipt=None if found is None else _receipt(found),
        disclosure=file,
    )


def _note(request: Request, who: Caller, number: int, *, opened: bool) -> None:
    with request.app.state.writer.begin() as noting:
        who.note(noting, "registration", "disclose" if opened else "prove", target_id=number)


def _disclosure(request: Request, conn: Connection, number: int) -> str:
    directory = request.app.state.directory
    if directory is None:
        raise NotFoundError("This server has no keys to open badges with; ask who runs it.")
    # The seal may stand in a record that this program is shown nothing of.
    with row_security.lifted(conn):
        place = disclosure.place_of(conn, number)
        made = disclosure.disclose(conn, place, sealing_keys(directory))
    return made.disclosure.encode().hex()


def _record(found: proofs.Proof) -> Record:
    stood = found.first_stood
    return Record(
        epoch=found.epoch.hex(),
        seq=found.seq,
        branch=found.branch,
        first_stood=None if stood is None else Stands(epoch=stood[0].hex(), seq=stood[1]),
        body=found.body.hex(),
        blob=found.blob.hex() if found.blob else None,
        before=None if found.before is None else found.before.hex(),
        link=found.link.hex(),
        following=_hex(found.following),
        head=None if found.head is None else found.head.hex(),
        head_seq=found.head_seq,
        received_at=rfc3339(found.received_ms),
    )


def _receipt(found: proofs.Proof) -> Receipt | None:
    if found.receipt is None:
        return None
    return Receipt(
        message=found.receipt.message.hex(),
        seq=found.receipt.seq,
        signed_at=rfc3339(found.receipt.at_ms),
        following=_hex(found.to_receipt),
    )


def _hex(hashes: tuple[bytes, ...] | None) -> list[str] | None:
    return None if hashes is None else [each.hex() for each in hashes]
