"""What strace writes, read as operations."""

import re

import pytest

from hwsim.crash import operations as op

NAMES = re.compile(r"journal.*")


def hexed(text: str | bytes) -> str:
    octets = text.encode() if isinstance(text, str) else text
    return "".join(f"\\x{octet:02x}" for octet in octets)


def read(*lines: str) -> list[op.Operation]:
    return list(op.Reader("/state", NAMES).read(lines))


def fd(number: int, path: str) -> str:
    return f"{number}<{hexed(path)}>"


def test_a_file_is_opened_written_flushed_and_renamed() -> None:
    path = "/state/journal.new"
    assert read(
        f'7 openat(AT_FDCWD<{hexed("/")}>, "{hexed(path)}", O_RDWR|O_CREAT|O_CLOEXEC, 0644) = '
        + fd(3, path),
        f'7 pwrite64({fd(3, path)}, "{hexed(b"ab")}", 2, 4096) = 2',
        f'7 write({fd(3, path)}, "{hexed(b"cd")}", 2) = 2',
        f"7 ftruncate({fd(3, path)}, 10) = 0",
        f"7 fdatasync({fd(3, path)})      = 0",
        f'7 rename("{hexed(path)}", "{hexed("/state/journal")}") = 0',
        f"7 fsync({fd(4, '/state')}) = 0",
        f'7 unlink("{hexed("/state/journal")}") = 0',
    ) == [
        op.Open("journal.new", truncate=False),
        op.Write("journal.new", 4096, b"ab"),
        op.Write("journal.new", None, b"cd"),
        op.Truncate("journal.new", 10),
        op.Sync("journal.new"),
        op.Rename("journal.new", "journal"),
        op.SyncDirectory(),
        op.Unlink("journal"),
    ]


def test_what_failed_or_is_elsewhere_or_only_read_is_nothing() -> None:
    other = "/elsewhere/journal"
    assert (
        read(
            f'7 openat(AT_FDCWD, "{hexed("/state/journal")}", O_RDONLY) = {fd(3, other)}',
            f'7 openat(AT_FDCWD, "{hexed("/state/ballast")}", O_RDWR) = {fd(3, other)}',
            f'7 pwrite64({fd(3, other)}, "{hexed(b"ab")}", 2, 0) = 2',
            f"7 fdatasync({fd(3, '/state/journal')}) = -1 EIO (Input/output error)",
            f'7 unlink("{hexed("/state/journal")}") = -1 ENOENT (No such file or directory)',
            f'7 pwrite64({fd(3, "/state/journal")}(deleted), "{hexed(b"ab")}", 2, 0) = 2',
            "7 +++ exited with 0 +++",
            "7 --- SIGCHLD {si_signo=SIGCHLD} ---",
        )
        == []
    )


def test_a_call_that_another_thread_interrupts_counts_when_it_ends() -> None:
    path = "/state/journal"
    assert read(
        f"7 fdatasync({fd(3, path)} <unfinished ...>",
        f'8 pwrite64({fd(5, path)}, "{hexed(b"x")}", 1, 0) = 1',
        "7 <... fdatasync resumed>)      = 0",
    ) == [op.Write("journal", 0, b"x"), op.Sync("journal")]


def test_green_is_seen_where_the_agent_says_so() -> None:
    said = b"INFO pointeuse.feedback: left: recorded-offline\nINFO pointeuse.feedback: right: "
    said += b"recorded\n"
    red = b"ERROR pointeuse.feedback: left: out-of-order\n"
    log = "/x/agent.log"
    assert read(
        f'7 write({fd(2, log)}, "{hexed(said)}", {len(said)}) = {len(said)}',
        f'7 write({fd(2, log)}, "{hexed(red)}", {len(red)}) = {len(red)}',
    ) == [op.Green("left"), op.Green("right")]


def test_a_write_that_strace_cut_short_is_refused() -> None:
    with pytest.raises(ValueError, match="short"):
        read(f'7 pwrite64({fd(3, "/state/journal")}, "{hexed(b"ab")}"..., 9, 0) = 9')
