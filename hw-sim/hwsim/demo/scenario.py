"""The fixed scenario of `scripts/demo --once`: a morning with everything that may go wrong.

Each step says what is done and, tap by tap, what must come of it: a shift arriving, a terminal
that moves to another site, an outage with a crash in the middle of it, an employer nobody
registered, workers entered only afterwards, and presentations that must leave no record.
"""

import datetime
import random
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from hwsim.demo.entrances import Entrance, settle
from hwsim.demo.outcome import Expected
from hwsim.demo.setting import Stage, first_sites
from hwsim.demo.world import Badge, Site, Worker
from hwsim.processes import run

Say = Callable[[str], None]


class Scenario:
    """Plays the scenario on a running stack, noting what is expected."""

    def __init__(self, stage: Stage, seed: int, say: Say) -> None:
        self._stack, self._at = stage.stack, stage.entrances
        self._world, self._broker = stage.world, stage.broker
        self._chance = random.Random(seed)
        self._seed = seed
        self._say = say
        self._site = first_sites(stage.world)
        self._made = {"tags": 0, "codes": 0, "cards": 0}
        self._abandoned = threading.Event()
        self.expected: list[Expected] = []

    def play(self) -> list[Expected]:
        """Play it all, until the platform has everything; what is expected."""
        with ThreadPoolExecutor(1) as aside:
            # The PC/SC reader is polled by its driver, so its queue moves slowly: let it.
            cards = aside.submit(self._cards)
            try:
                self._play_the_rest()
            except BaseException:
                self._abandoned.set()
                raise
            cards.result()
        for entrance in self._at.all():
            entrance.terminal.wait_delivered()
        self._link_newcomers()
        return self.expected

    def _play_the_rest(self) -> None:
        self._shift_arrives()
        self._nothing_readable()
        self._terminal_moves()
        self._outage()
        self._strangers()
        self._newcomers()

    # -- steps -------------------------------------------------------------------------------

    def _shift_arrives(self) -> None:
        self._say("a shift arrives: tags and printed codes, in and out")
        for worker in self._shuffled(self._world.of_profile("em4100")):
            self._tap(self._at.tags, "in", worker)
        for worker in self._shuffled(self._world.of_profile("printed")):
            self._tap(self._at.codes, "in", worker)
        self._wait(self._at.tags, self._at.codes)
        self._say("held twice, and left lying: once each")
        settle()
        twice = self._world.of_profile("em4100")[:5]
        for worker in twice:
            self._tap(self._at.tags, "out", worker)
            self._at.tags.present("out", worker.badge)
        self._wait(self._at.tags)

    def _nothing_readable(self) -> None:
        self._say("garbled frames, wrong checksums, noise: no record")
        reader = self._at.tags.serial["in"].device
        badge = self._world.of_profile("em4100")[0].badge
        spoil: list[Callable[[], None]] = [
            lambda: reader.garble(badge.number),
            lambda: reader.wrong_checksum(badge.number),
            lambda: reader.cut(badge.number),
            lambda: reader.send(self._chance.randbytes(40).replace(b"\x02", b"")),
        ]
        for spoiling in spoil:
            settle()
            spoiling()
        settle()

    def _terminal_moves(self) -> None:
        kaai, station = self._site["tags"], self._world.sites[3]
        self._say(f"the terminal at {kaai.name} moves to {station.name}")
        self._wait(self._at.tags)
        now = datetime.datetime.now(datetime.UTC).isoformat()
        run(
            "cloud", "terminal", "assign", self._at.tags.terminal.device,
            "--company", station.company, "--division", station.division, "--site", station.name,
            "--from", now, "--config", self._stack.settings,
        )  # fmt: skip
        self._site["tags"] = station
        settle()
        for worker in self._shuffled(self._world.of_profile("em4100")):
            self._tap(self._at.tags, "out", worker)
        self._wait(self._at.tags)

    def _outage(self) -> None:
        self._say("the broker is killed; taps go on, and the terminal loses its power")
        self._broker.kill()
        settle()
        workers = self._shuffled(self._world.of_profile("em4100"))
        for worker in workers:
            self._tap(self._at.tags, "in", worker)
        for worker in self._shuffled(self._world.of_profile("printed")):
            self._tap(self._at.codes, "out", worker)
        self._wait(self._at.tags, self._at.codes)
        self._at.tags.terminal.agent.kill()
        self._made["tags"] = 0
        self._at.tags.start()
        for worker in workers:
            self._tap(self._at.tags, "out", worker)
        self._wait(self._at.tags)
        self._say("the broker is back")
        self._broker.start()

    def _strangers(self) -> None:
        self._say("badges of an employer nobody registered")
        for badge in self._world.strangers:
            self._at.codes.present("in", badge)
            self._expect(self._at.codes, "in", badge, None)
        self._wait(self._at.codes)

    def _newcomers(self) -> None:
        self._say("badges nobody knows yet")
        for reader in ("in", "out"):
            for newcomer in self._world.newcomers:
                self._tap(self._at.tags, reader, newcomer)
            self._wait(self._at.tags)
            settle()

    def _link_newcomers(self) -> None:
        self._say("their workers are entered, and the badges linked")
        for worker in self._world.newcomers:
            given, family = worker.name
            run(
                "cloud", "worker", "add", "--company", worker.company.number,
                "--number", worker.number, "--given-name", given, "--family-name", family,
                "--config", self._stack.settings,
            )  # fmt: skip
            run(
                "cloud", "badge", "link", worker.badge.profile, worker.badge.number,
                "--company", worker.company.number, "--worker", worker.number,
                "--config", self._stack.settings,
            )  # fmt: skip

    def _cards(self) -> None:
        self._say("cards at a PC/SC reader, one pulled away, one with a random UID")
        workers = self._world.of_profile("uid")
        self._at.pull_card_away(workers[0].badge)
        for turn in range(3):
            for worker in workers:
                if self._abandoned.is_set():
                    return
                self._at.tap_card(worker.badge)
                self._expect(self._at.cards, "turnstile", worker.badge, worker, "auto")
            self._at.tap_random_uid(self._seed + turn)
        self._wait(self._at.cards)

    # -- one tap -----------------------------------------------------------------------------

    def _tap(self, entrance: Entrance, reader: str, worker: Worker) -> None:
        entrance.present(reader, worker.badge)
        self._expect(entrance, reader, worker.badge, worker)

    def _expect(
        self,
        entrance: Entrance,
        reader: str,
        badge: Badge,
        worker: Worker | None,
        direction: str | None = None,
    ) -> None:
        site: Site = self._site[entrance.terminal.name]
        self._made[entrance.terminal.name] += 1
        private = worker is None
        self.expected.append(
            Expected(
                device=entrance.terminal.device,
                reader=reader,
                badge=badge.number,
                assurance=badge.assurance,
                worker=None if worker is None else " ".join(worker.name),
                employer=self._private_name() if worker is None else worker.company.name,
                private_company=private,
                company=site.company,
                division=site.division,
                site=site.name,
                direction=direction or reader,
            )
        )

    def _private_name(self) -> str:
        number = self._world.unregistered.number
        return f"BE {number[:4]}.{number[4:7]}.{number[7:]}"

    def _wait(self, *entrances: Entrance) -> None:
        for entrance in entrances:
            entrance.wait_taps(self._made[entrance.terminal.name])

    def _shuffled(self, workers: Iterable[Worker]) -> Sequence[Worker]:
        found = list(workers)
        self._chance.shuffle(found)
        return found
