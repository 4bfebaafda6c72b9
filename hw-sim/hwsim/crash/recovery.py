"""Reopens the disks that power cuts left, with the agent's own code. Run as a process.

It is the one module of the simulator that imports the agent: it stands for the agent's process
after the power came back, thousands of times a minute. The chain it finds is verified here by the
protocol alone, not by what the agent says of it.
"""

import logging
import pickle
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.clock import Clock
from agent.queue import file as journal_file
from agent.queue import opening, schema
from agent.queue import salvage as salvaging
from agent.queue.aside import aside_of, limit_fact, numbers, read_limit
from agent.queue.journal import Journal
from agent.queue.salvaged import Order, salvaged_of
from agent.reads import BadgeRead
from agent.recorder import Recorder
from agent.salvager import Salvager
from agent.telemetry import Telemetry
from hwsim.crash.memory import memory
from protocol import blobs, chain, seals
from protocol.badges import Assurance
from protocol.bodies import Body, Kind
from protocol.keyfiles import load_sealing_key, load_signing_key
from protocol.salvaged import Gap, carried_body

NEXT = "FFFFFFFFFF"
"""The badge that is tapped after the recovery."""
Place = tuple[bytes, int, bytes]


class _HereSalvager(Salvager):
    """Does in this process what the agent starts a program for."""

    def _start(self, number: int) -> None:
        order = Order(
            terminal=self._recorder.terminal,
            signer=self._recorder.public.to_cose(),
            receipt_keys=self._receipt_keys(),
            epochs=[epoch for _, epoch in self._journal.known_epochs()],
            limit=read_limit(self._journal.fact(limit_fact(number))),
        )
        path = self._journal.path
        salvaging.salvage(aside_of(path, number), salvaged_of(path, number), order)


class Recovery:
    """One terminal's keys, and what is known of its sealed parts already."""

    def __init__(self, state: Path, platform: Path, scratch: Path) -> None:
        self._key = load_signing_key(state / "identity.key")
        self._sealing = load_sealing_key(platform / "keys" / "sealing.key")
        self._scratch = scratch
        self._contents: dict[bytes, seals.ContentKey] = {}
        self._numbers: dict[bytes, str] = {}
        self._heads: set[tuple[bytes, int, bytes, bytes]] = set()
        """Those that verified."""
        self._carried: Counter[bytes] = Counter()
        """How often the journal that is checked carries over each body."""
        # What the agent does by a program of its own, thousands of times: here it is a call.
        journal_file.migrate = schema.create

    def check(self, files: dict[str, bytes], green: set[str]) -> str | None:
        """What is wrong after reopening this disk, if anything is."""
        for name, content in files.items():
            (self._scratch / name).write_bytes(content)
        try:
            return self._check(green)
        except Exception as error:  # noqa: BLE001 - whatever it is, the terminal does not work
            return f"corrupt: {type(error).__name__}: {error}"
        finally:
            shutil.rmtree(self._scratch)
            self._scratch.mkdir()

    def _check(self, green: set[str]) -> str | None:
        self._carried.clear()
        public = self._key.public
        opened = opening.open_journal(self._scratch / "journal.sqlite", public.thumbprint, public)
        journal = opened.journal
        try:
            recorder = Recorder(
                journal, self._key, Clock(), [self._sealing.public], lost=opened.lost
            )
            if opened.missing is not None:
                gap = Gap(opened.missing, 1, None, opened.lost or "")
                recorder.carry_over([gap], "missing", 1)
            telemetry = Telemetry("CRASH", self._scratch)
            # No receipt is believed: a salvage leaves to the platform what it holds, and here
            # nobody could tell that from what is lost.
            salvager = _HereSalvager(journal, recorder, telemetry, tuple)
            while salvager.busy or salvager.waiting:
                salvager.step()
            salvager.close()
            recorder.record([BadgeRead("crash", NEXT, "em4100", Assurance.UID, "in")])
            found = list(self._taps(journal))
        finally:
            journal.close()
        there = {number for number, _ in found}
        if NEXT not in there:
            return "corrupt: the next tap is not in the journal"
        lost = green - there
        if lost:
            return f"lost: {len(lost)} taps that were green, {min(lost)} among them"
        # A journal that was put aside while it took over another is read beside that one.
        twice = sum(count - 1 for count in self._carried.values())
        if twice and len(numbers(journal.path)) < 2:
            return "corrupt: a record is carried over twice"
        places: dict[str, Place] = {}
        for number, place in found:
            if places.setdefault(number, place) != place:
                return f"corrupt: tap {number} is there twice"
        return None

    def _taps(self, journal: Journal) -> Iterator[tuple[str, Place]]:
        """Every tap that the chain proves, with where it stood first. Raises ValueError."""
        for epoch in journal.epochs():
            link = epoch.anchor
            if epoch.first == 1 and link != chain.epoch_link(
                self._key.public.thumbprint, epoch.epoch
            ):
                raise ValueError(f"epoch {epoch.ordinal} does not begin at its own link")
            last = None
            for row in journal.rows(epoch.ordinal, epoch.first, 1 << 40):
                if row.seq != (epoch.first if last is None else last.seq + 1):
                    raise ValueError(f"record {row.seq} of epoch {epoch.ordinal} leaves a gap")
                link = chain.next_link(link, row.body)
                if link != row.link:
                    raise ValueError(f"record {row.seq} of epoch {epoch.ordinal} breaks the chain")
                last = row
                if row.signature is not None:
                    self._verify(epoch.epoch, row.seq, link, row.signature)
                yield from self._tap(row.body, row.blob)
            if last is None or last.signature is None:
                raise ValueError(f"epoch {epoch.ordinal} does not end at a head")

    def _verify(self, epoch: bytes, seq: int, link: bytes, signature: bytes) -> None:
        head = (epoch, seq, link, signature)
        if head not in self._heads:
            place = chain.Head(self._key.public.thumbprint, epoch, seq, link)
            chain.check_head(place, self._key.public, signature)
            self._heads.add(head)

    def _tap(self, raw: bytes, blob: bytes | None) -> Iterator[tuple[str, Place]]:
        body = Body.decode(raw)
        if body.kind == Kind.SALVAGED:
            raw = body.data[2]
            self._carried[raw] += 1
            body = carried_body(body)
        if body.kind == Kind.SEAL and body.data[0] not in self._contents:
            self._contents[body.data[0]] = seals.open_seal(
                body.data, [self._sealing], terminal=body.terminal, epoch=body.epoch, seq=body.seq
            )
        if body.kind != Kind.TAP or blob is None or body.blob_ref is None:
            return
        number = self._numbers.get(blob)
        if number is None:
            place = blobs.Place(body.terminal, body.epoch, body.seq, body.blob_ref.seal_id)
            content = self._contents.get(body.blob_ref.seal_id)
            if content is None:  # torn from its seal, it was in a commit that nobody was shown
                return
            number = self._numbers[blob] = blobs.open_blob(blob, content, place).number
        yield number, (body.epoch, body.seq, raw)


def main() -> None:
    """Check disks from standard input until it ends; a line for each: what is wrong, or nothing."""
    logging.disable(logging.CRITICAL)  # what recoveries say, they say thousands of times
    state, platform = map(Path, sys.argv[1:3])
    with tempfile.TemporaryDirectory(prefix="pointeuse-crash-", dir=memory()) as directory:
        scratch = Path(directory) / "state"
        scratch.mkdir()
        recovery = Recovery(state, platform, scratch)
        source: Any = sys.stdin.buffer
        while True:
            try:
                files, green = pickle.load(source)  # noqa: S301 - from the process that started us
            except EOFError:
                return
            problem = recovery.check(files, green) or ""
            sys.stdout.write(problem.replace("\n", " ") + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
