"""The benchmark of the queue runs, and says what it promises to say."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.crowd import Crowd
from bench.peers import PEERS, Peer

ROOT = Path(__file__).parents[2]
PUTS = 40


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments], capture_output=True, text=True, cwd=ROOT
    )


def shape(value: Any) -> Any:
    """The keys of nested objects; numbers become True when they are above 0."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    return value > 0


@pytest.mark.integration
def test_it_measures_ours_the_floor_the_peers_and_three_depths() -> None:
    done = bench("queue", "--scale", "0.01", "--json")
    assert done.returncode == 0, done.stderr
    both = {"p50_ms": True, "crowd_per_s": True}
    assert shape(json.loads(done.stdout)) == {
        "queue": {
            "floor": {"p50_ms": True, "written_over_p50_ms": True},
            "ours": {"p50_ms": True, "p99_ms": True, "crowd_per_s": True},
            "peers": {"persist-queue": both, "litequeue": both, "simplebroker": both},
            "depth": {
                "0": {"p50_ms": True},
                "100": {"p50_ms": True},
                "10000": {"p50_ms": True, "bytes_per_record": True},
            },
        }
    }


@pytest.mark.parametrize("scale", ["0", "1.5", "-1"])
def test_a_scale_that_means_nothing_is_refused(scale: str) -> None:
    done = bench("queue", "--scale", scale)
    assert done.returncode == 2
    assert "--scale" in done.stderr


@pytest.mark.integration
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: str(peer.name))
def test_every_put_of_a_peer_is_flushed(peer: type[Peer], tmp_path: Path) -> None:
    """The kernel's own count: as many fdatasync calls more as there are puts more."""
    assert _flushes(peer, tmp_path / "many", 2 * PUTS) - _flushes(peer, tmp_path / "few", PUTS) >= (
        PUTS
    )


def _flushes(peer: type[Peer], directory: Path, puts: int) -> int:
    directory.mkdir()
    program = (
        "import sys; from pathlib import Path; from bench import peers;"
        f"peer = peers.{peer.__name__}(Path(sys.argv[1]));"
        f"put = peer.writer(); [put(bytes(400)) for _ in range({puts})]; peer.close()"
    )
    calls = directory / "calls"
    trace = ["strace", "-f", "-qq", "-e", "trace=fdatasync,fsync", "-o", str(calls)]
    subprocess.run([*trace, sys.executable, "-c", program, str(directory)], check=True, cwd=ROOT)
    return sum("sync(" in line for line in calls.read_text().splitlines())


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: str(peer.name))
def test_a_crowd_puts_what_it_counts(peer: type[Peer], tmp_path: Path) -> None:
    queue = peer(tmp_path)
    written: list[bytes] = []

    def writer() -> Any:
        put = queue.writer()

        def note(record: bytes) -> None:
            put(record)
            written.append(record)

        return note

    with Crowd(3, writer, b"record") as crowd:
        rate = crowd.rate(0.05)
    queue.close()
    assert rate > 0
    assert set(written) == {b"record"}


def test_what_a_put_raises_ends_the_round() -> None:
    def refuse(_record: bytes) -> None:
        raise OSError("full")

    with Crowd(2, lambda: refuse, b"") as crowd, pytest.raises(OSError, match="full"):
        crowd.rate(0.05)
