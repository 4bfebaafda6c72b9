"""How the simulations' commands end when somebody ends them."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack

import pytest

from hwsim.interrupts import interruptible, until_interrupted, whole

ENDING = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


@pytest.mark.parametrize("number", ENDING)
def test_what_was_begun_is_put_away_to_the_end(
    number: int, capfd: pytest.CaptureFixture[str]
) -> None:
    put_away = []

    def begin() -> None:
        try:
            os.kill(os.getpid(), number)
            signal.pause()
        finally:
            # Somebody who cannot wait.
            for again in ENDING:
                os.kill(os.getpid(), again)
            put_away.append(number)

    before = [signal.getsignal(each) for each in ENDING]
    with pytest.raises(SystemExit) as ended, interruptible():
        begin()
    assert ended.value.code == 130
    assert put_away == [number]
    assert [signal.getsignal(each) for each in ENDING] == before
    assert capfd.readouterr().err == "- stopping already; a moment\n" * 3


def test_a_step_is_made_whole() -> None:
    steps: list[str] = []

    def work() -> None:
        with whole():
            with whole():
                signal.raise_signal(signal.SIGINT)
                steps.append("inner")
            steps.append("outer")
        steps.append("after")

    with pytest.raises(SystemExit), interruptible():
        work()
    assert steps == ["inner", "outer"]


def test_another_thread_is_never_interrupted() -> None:
    done = threading.Event()

    def step() -> None:
        with whole():
            done.set()

    thread = threading.Thread(target=step)
    thread.start()
    thread.join()
    assert done.is_set()


def test_what_has_begun_well_ends_well() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with ExitStack() as stack:
        stack.enter_context(interruptible())
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
        timer.start()
        until_interrupted()
        timer.join()
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


def test_nohup_stays_nohup() -> None:
    program = (
        "import signal\nfrom hwsim.interrupts import interruptible\n"
        "with interruptible():\n    signal.raise_signal(signal.SIGHUP)\nprint('alive')\n"
    )
    shell = f'trap "" HUP; exec "{sys.executable}" -c "$0"'
    done = subprocess.run(["sh", "-c", shell, program], capture_output=True, text=True, check=True)
    assert done.stdout == "alive\n"
