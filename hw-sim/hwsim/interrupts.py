"""Ending because somebody said so: Ctrl-C, SIGTERM, or a terminal's window that was closed.

All of it is for the main thread, the only one that Python lets handle signals.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STDERR = 2
_ALREADY = b"- stopping already; a moment\n"


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Put away what was begun at the first of these signals, and end with 130.

    Further ones change nothing: what is being put away is put away to the end.
    """
    ending = False

    def end(_: int, __: FrameType | None) -> None:
        nonlocal ending
        if ending:
            # Not by a stream: it may be in the middle of a line.
            os.write(_STDERR, _ALREADY)
            return
        ending = True
        raise KeyboardInterrupt

    with _handled_by(end):
        try:
            yield
        except KeyboardInterrupt:
            sys.exit(130)


@contextlib.contextmanager
def whole() -> Iterator[None]:
    """A step that is made whole: a signal that comes during it counts after it.

    Without it, a process that was started just then would be nobody's.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    with _handled_by(lambda number, _: came.append(number)):
        yield
    if came:
        signal.raise_signal(came[0])


def until_interrupted() -> None:
    """Wait for one of these signals, which is how what has begun well ends."""
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


@contextlib.contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in _ENDING}
    for number in _ENDING:
        # nohup stays nohup.
        if number != signal.SIGHUP or before[number] != signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
