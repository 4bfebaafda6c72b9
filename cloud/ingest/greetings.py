"""What a hello is answered: where custody stands, for the epoch the terminal writes now."""

import json
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, select, update

from cloud.custody.tables import platform
from cloud.ingest.chains import Anchor, Chains, Placed
from cloud.rows import insert_absent
from protocol.chain import epoch_link
from protocol.hello import EpochState, Hello
from protocol.receipts import Verdict


def answer(hello: Hello, chains: Chains) -> tuple[EpochState, Placed] | None:
    """The newest epoch and what to say of it; None when the terminal has none yet."""
    if not hello.epochs:
        return None
    state = max(hello.epochs, key=lambda each: each.ordinal)
    return state, _stands(hello.terminal, state, chains)


def note_anchors(conn: Connection, terminal_id: int, hello: Hello) -> None:
    """Remember where each epoch begins on the terminal: below that, nothing can be asked for.

    In the database: another process of ingest may get the batch.
    """
    cut = [state for state in hello.epochs if state.first > 1]
    value = json.dumps({each.epoch.hex(): [each.first, each.anchor.hex()] for each in cut})
    key = _anchors_key(terminal_id)
    stored = conn.execute(select(platform.c.value).where(platform.c.key == key)).scalar()
    if stored is None and value != "{}":
        insert_absent(conn, platform, [{"key": key, "value": value}], ["key"])
    elif stored is not None and stored != value:
        conn.execute(update(platform).where(platform.c.key == key).values(value=value))


def anchor(conn: Connection, terminal_id: int, epoch: bytes) -> Anchor | None:
    """Where an epoch begins on the terminal, by its last hello; None from its first record on."""
    key = _anchors_key(terminal_id)
    stored = conn.execute(select(platform.c.value).where(platform.c.key == key)).scalar()
    found = json.loads(stored or "{}").get(epoch.hex())
    return None if found is None else Anchor(found[0], bytes.fromhex(found[1]))


def _anchors_key(terminal_id: int) -> str:
    return f"anchors-{terminal_id}"


def trust_after(directory: Path, number: int) -> Sequence[bytes]:
    """The trust documents a terminal lacks, in the order it must follow them."""
    missing = []
    while (path := directory / "trust" / f"{number + 1}.cbor").exists():
        number += 1
        missing.append(path.read_bytes())
    return missing


def _stands(terminal: bytes, state: EpochState, chains: Chains) -> Placed:
    main = chains.main(state.epoch)
    seq = main.head_seq if main else 0
    link = main.head_link if main else epoch_link(terminal, state.epoch)
    if seq > state.head_seq or (seq == state.head_seq and link != state.head_link):
        return Placed(Verdict.BEHIND, seq, link)
    if seq < state.acked:
        return Placed(Verdict.RESUME, seq, link, seq + 1)
    return Placed(Verdict.STORED, seq, link)
