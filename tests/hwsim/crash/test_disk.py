"""What a power cut may leave, and what it may not."""

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from hwsim.crash import operations as op
from hwsim.crash.disk import HOWS, Disk, Files, How


def left(operations: Sequence[op.Operation], how: How, seed: int = 0) -> Files:
    disk = Disk()
    for operation in operations:
        disk.apply(operation)
    return disk.left(how, random.Random(seed))


def every(operations: Sequence[op.Operation]) -> list[Files]:
    return [left(operations, how, seed) for how in set(HOWS) for seed in range(200)]


MADE: list[op.Operation] = [
    op.Open("a", truncate=False),
    op.Write("a", 0, b"1" * 1024),
    op.Sync("a"),
    op.SyncDirectory(),
]


def test_what_was_flushed_is_there_whatever_happens() -> None:
    assert all(files == {"a": b"1" * 1024} for files in every(MADE))


def test_a_name_that_was_not_flushed_may_be_missing() -> None:
    found = every(MADE[:3])
    assert {} in found
    assert {"a": b"1" * 1024} in found


def test_content_that_was_not_flushed_may_be_missing() -> None:
    found = every([MADE[0], op.SyncDirectory(), MADE[1]])
    assert {"a": b""} in found
    assert {"a": b"1" * 1024} in found


def test_writes_are_torn_at_sectors_and_come_in_any_order() -> None:
    later: list[op.Operation] = [op.Write("a", 0, b"2" * 1024), op.Write("a", 1024, b"3" * 512)]
    found = {files["a"] for files in every([*MADE, *later])}
    assert b"2" * 512 + b"1" * 512 in found
    assert b"1" * 512 + b"2" * 512 in found
    assert b"1" * 1024 + b"3" * 512 in found
    assert b"2" * 1024 in found


def test_a_rename_is_one_step() -> None:
    found = every([*MADE, op.Rename("a", "b")])
    assert {tuple(files) for files in found} == {("a",), ("b",)}


def test_names_change_in_order() -> None:
    found = every([*MADE, op.Rename("a", "b"), op.Open("a", truncate=False), op.Unlink("b")])
    assert {tuple(sorted(files)) for files in found} == {("a",), ("b",), ("a", "b")}


def test_a_file_that_is_emptied_may_keep_its_content() -> None:
    found = {files["a"] for files in every([*MADE, op.Open("a", truncate=True)])}
    assert found == {b"", b"1" * 1024}


def test_none_and_all_are_what_they_say() -> None:
    later: list[op.Operation] = [op.Truncate("a", 100), op.Write("a", None, b"end")]
    assert left([*MADE, *later], "none") == {"a": b"1" * 1024}
    assert left([*MADE, *later], "all") == {"a": b"1" * 100 + b"end"}


@given(
    st.lists(
        st.one_of(
            st.builds(op.Open, st.sampled_from("ab"), st.booleans()),
            st.builds(
                op.Write, st.sampled_from("ab"), st.none() | st.integers(0, 3000), st.binary()
            ),
            st.builds(op.Truncate, st.sampled_from("ab"), st.integers(0, 3000)),
            st.builds(op.Sync, st.sampled_from("ab")),
            st.just(op.SyncDirectory()),
            st.builds(op.Unlink, st.sampled_from("ab")),
        )
    ),
    st.sampled_from(HOWS),
    st.integers(0, 9),
)
def test_everything_flushed_at_the_end_is_what_a_program_sees(
    operations: list[op.Operation], how: How, seed: int
) -> None:
    flushed = [*operations, op.Sync("a"), op.Sync("b"), op.SyncDirectory()]
    assert left(flushed, how, seed) == left(flushed, "all")
