"""Which clock record is owed, and the time that is kept for the next boot.

A clock record lets the platform correct the taps before it: one is owed when the wall clock jumped,
and when the kernel came to hold a clock synchronised under which it had not been before.
"""

from agent.clock import Clock, Step
from agent.queue.journal import Journal
from protocol.bodies import Sync, Time

LAST_GOOD = "last-good-ms"
"""The journal's fact that holds the last time known to be right."""
KEEP_EACH_MS = 600_000
_BURST = 8
_EACH_MS = 60_000
"""Clock records that no tap asks for: so many at once, and one more each minute.

A time server that makes the clock flap fills no disk. What is held back comes before the next tap.
"""


class ClockRecords:
    """What the records of this boot say of its clock, and what they do not say yet."""

    def __init__(self, clock: Clock, journal: Journal) -> None:
        self._clock, self._journal = clock, journal
        self._kept_ms = journal.number(LAST_GOOD)
        self._step: Step | None = None
        """A jump of the wall clock that no commit holds yet."""
        self._unproved = False
        """Whether this boot has records that no synchronised clock record follows yet."""
        self._allowed = float(_BURST)
        self._counted_ms = clock.now().boottime_ms

    def owed(self) -> tuple[Time, Step | None]:
        """The time now, and the jump that a clock record has to tell first, if one has to.

        Synchronisation that was lost and found with no record in between asks for none.
        """
        now = self._clock.now()
        self._step = self._clock.step(now) or self._step
        if self._step is not None:
            now = self._clock.now()  # what is known of the clock has just changed
        elif self._unproved and now.sync is Sync.SYNCHRONISED:
            return now, Step(now.wall_ms, now.wall_ms)
        return now, self._step

    def committed(self, at: Time) -> None:
        """A commit holds what was owed, and then records of that time."""
        self._step = None
        self._unproved = at.sync is not Sync.SYNCHRONISED

    def go_on_after(self, at: Time | None) -> None:
        """The newest record is of that time, or of one that cannot be read: None."""
        this_boot = at is None or at.boot == self._clock.now().boot
        self._unproved = this_boot and (at is None or at.sync is not Sync.SYNCHRONISED)
        if at is not None:
            self._clock.go_on_after(at)

    def may_come_alone(self, now: Time) -> bool:
        """Whether a clock record may be written that no tap asks for."""
        waited_ms = now.boottime_ms - self._counted_ms
        self._allowed = min(self._allowed + waited_ms / _EACH_MS, _BURST)
        self._counted_ms = now.boottime_ms
        return self._allowed >= 1

    def came_alone(self) -> None:
        """One was written."""
        self._allowed -= 1

    def keep_time(self, now: Time, least_ms: int) -> None:
        """Keep the time if it is known to be right and `least_ms` from what is kept.

        A boot that begins before it knows that its clock was not set. A synchronised clock always
        counts, backwards too: one that was led years ahead spoils nothing once it is put right.
        Raises CannotStoreError.
        """
        if now.sync is Sync.SYNCHRONISED and abs(now.wall_ms - self._kept_ms) >= least_ms:
            self._journal.set_fact(LAST_GOOD, b"%d" % now.wall_ms)
            self._kept_ms = now.wall_ms
