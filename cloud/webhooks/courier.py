"""The courier: takes what webhooks are owed to their servers, beside a server or by itself.

Each round notes what became of the tries that ended, collects what happened to registrations, and
takes in hand what is due, in one transaction; several couriers of one database share the work.
Tries run beside each other, some of one company at most: a server that is slow holds up nobody
else. What was in hand when a courier fell over is sent again by whoever comes next.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue

from sqlalchemy import Engine

from cloud import failures
from cloud.settings import Config
from cloud.times import now_ms
from cloud.webhooks import answering, deliveries, outbox
from cloud.webhooks.addresses import Reach
from cloud.webhooks.deliveries import Tried
from cloud.webhooks.letters import Letter, Writer
from cloud.webhooks.places import Names, Places
from cloud.webhooks.sending import LIMIT_S, Answer, Outcome, send
from cloud.workers.vault import Vault, VaultError
from protocol.settings import SettingsError

IN_HAND = 64
"""Deliveries in hand at once; `deliveries` says how many of one company, and of one webhook."""
EVERY_S = 1.0
_FORGET_S = 600.0
_STOP_S = 3.0
_log = logging.getLogger("pointeuse.webhooks")


class Courier:
    """Takes what is due to where it belongs. `start` and `stop` run it in a thread of its own."""

    def __init__(
        self,
        reading: Engine,
        writing: Engine,
        vault: Vault,
        reach: Reach,
        *,
        base: str = "",
        every_s: float = EVERY_S,
        clock: Callable[[], int] = now_ms,
        jitter: Callable[[], float] = deliveries.jitter,
    ) -> None:
        """`base` is where the API is, without `/v1`; `clock` gives milliseconds since 1970."""
        self._reading, self._writing = reading, writing
        self._writer = Writer(reading, writing, vault, base.rstrip("/"))
        self._reach = reach
        self._every_s, self._clock, self._jitter = every_s, clock, jitter
        self._tried: SimpleQueue[Tried] = SimpleQueue()
        self._places = Places()
        self._more = False
        """Whether more registrations are to be collected at once."""
        self._stop = threading.Event()
        self._wake: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    @classmethod
    def of(cls, config: Config, reading: Engine, writing: Engine) -> "Courier":
        """A courier as the settings say. Raises VaultError, SettingsError."""
        try:
            reach = Reach.of(config.webhooks)
        except OSError as error:
            raise SettingsError(
                f"webhooks.ca_file: {config.webhooks.ca_file} holds no certificates ({error});"
                " it has to be PEM"
            ) from error
        vault = Vault.open(config.directory)
        return cls(reading, writing, vault, reach, base=config.api.programs_url)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, once what is in hand is done, or has taken too long."""
        self._stop.set()
        if self._thread.is_alive():
            with suppress(RuntimeError):  # it has just ended by itself
                self._wake()
            self._thread.join(timeout=LIMIT_S)

    def once(self) -> int:
        """Deliver all that is due now; how many messages were taken."""
        return asyncio.run(self._once())

    def round(self) -> list[Letter]:
        """Note what ended, collect, and take in hand: the messages to be sent now.

        Without anything to do, nothing is written.
        """
        at_ms = self._clock()
        tried = self._ended()
        self._more = False
        in_hand = self._places.held()
        most = IN_HAND - in_hand.total()
        try:
            with self._reading.connect() as conn:
                forsaken = answering.is_any(conn, at_ms)
                if not (tried or forsaken or outbox.behind(conn) or deliveries.is_due(conn, at_ms)):
                    return []
            if forsaken:
                # By itself: who ends several holds none that others wait for in another order.
                with self._writing.begin() as conn:
                    answering.end(conn, at_ms)
            with self._writing.begin() as conn:
                deliveries.mark(conn, tried, at_ms, self._jitter)
                self._more = outbox.collect(conn, at_ms)
                claimed = deliveries.claim(conn, at_ms, most=most, in_hand=in_hand)
        except BaseException:
            for each in tried:
                self._tried.put(each)
            raise
        letters = []
        for webhook, rows in claimed:
            try:
                letters += self._writer.letters(webhook, rows, at_ms)
            except VaultError as error:
                _log.warning("%s", error)
                sealed = Answer(Outcome.SEALED)
                for row in rows:
                    self._tried.put(Tried(row.id, webhook.id, row.message, sealed))
            except Exception as error:  # noqa: BLE001 - of this webhook alone; it is tried again
                _log.warning("webhook %d is not served: %s", webhook.id, failures.where(error))
        for letter in letters:
            self._places.take(letter.whose)
        return letters

    def _run(self) -> None:
        asyncio.run(self._for_ever())

    async def _once(self) -> int:
        taken, names = 0, Names(self._reach.resolve, self._places, IN_HAND)
        try:
            while True:
                letters = self.round()
                answers = await asyncio.gather(*(self._deliver(names, each) for each in letters))
                taken += sum(answer.outcome is Outcome.TAKEN for answer in answers)
                if not letters and not self._more and self._tried.empty():
                    return taken
        finally:
            names.end()

    async def _for_ever(self) -> None:
        """Rounds, every second and whenever a try has ended, until `stop`; no error ends it."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        self._wake = lambda: loop.call_soon_threadsafe(woken.set)
        going: set[asyncio.Task[Answer]] = set()
        forget_at = loop.time()
        names = Names(self._reach.resolve, self._places, IN_HAND)
        while not self._stop.is_set():
            letters: list[Letter] = []
            try:
                if loop.time() >= forget_at:
                    forget_at = loop.time() + _FORGET_S
                    await asyncio.to_thread(self._forget)
                letters = await asyncio.to_thread(self.round)
            except Exception as error:  # noqa: BLE001 - the database may be away; another second
                _log.warning("webhooks are not served: %s", failures.where(error))
            going |= {asyncio.create_task(self._deliver(names, letter)) for letter in letters}
            if not self._more:
                going = await self._rest(going, woken)
        if going:
            _, going = await asyncio.wait(going, timeout=_STOP_S)
        for task in going:
            task.cancel()
        names.end()
        await asyncio.to_thread(self._note_the_last)

    async def _rest(
        self, going: set[asyncio.Task[Answer]], woken: asyncio.Event
    ) -> set[asyncio.Task[Answer]]:
        """Wait until a try has ended, or for a second at most; those that go on."""
        stopped = asyncio.create_task(woken.wait())
        await asyncio.wait(
            {stopped, *going}, timeout=self._every_s, return_when=asyncio.FIRST_COMPLETED
        )
        stopped.cancel()
        return {task for task in going if not task.done()}

    async def _deliver(self, names: Names, letter: Letter) -> Answer:
        """Send a message; what became of it is noted by the next round."""
        signed = letter.signed(self._clock() // 1000)
        try:
            look_up = partial(names.look_up, letter.whose)
            answer = await send(self._reach, look_up, letter.url, signed, letter.body)
        except Exception as error:  # noqa: BLE001 - whatever a server does, it is only its own
            _log.warning("webhook %d: %s", letter.webhook_id, failures.where(error))
            answer = Answer(Outcome.MALFORMED)
        self._end(letter, answer)
        return answer

    def _end(self, letter: Letter, answer: Answer) -> None:
        self._places.give_back(letter.whose)
        self._tried.put(Tried(letter.id, letter.webhook_id, letter.message, answer))

    def _ended(self) -> list[Tried]:
        found = []
        with suppress(Empty):
            while True:
                found.append(self._tried.get_nowait())
        return found

    def _note_the_last(self) -> None:
        try:
            with self._writing.begin() as conn:
                deliveries.mark(conn, self._ended(), self._clock(), self._jitter)
        except Exception as error:  # noqa: BLE001 - then they are sent again
            _log.warning("webhooks are not served: %s", failures.where(error))

    def _forget(self) -> None:
        with self._writing.begin() as conn:
            deliveries.forget(conn, self._clock())
