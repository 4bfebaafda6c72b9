"""What a hello is answered: where custody stands, for the epoch the terminal writes now."""

from collections.abc import Sequence
from pathlib import Path

from cloud.ingest.chains import Anchor, Chains, Placed
from protocol.chain import epoch_link
from protocol.hello import EpochState, Hello
from protocol.receipts import Verdict


def answer(hello: Hello, chains: Chains) -> tuple[EpochState, Placed] | None:
    """The newest epoch and what to say of it; None when the terminal has none yet."""
    if not hello.epochs:
        return None
    state = max(hello.epochs, key=lambda each: each.ordinal)
    return state, _stands(hello.terminal, state, chains)


def anchors(hello: Hello) -> dict[bytes, Anchor]:
    """Where each epoch begins on the terminal: below that, nothing can be asked for."""
    return {state.epoch: Anchor(state.first, state.anchor) for state in hello.epochs}


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
