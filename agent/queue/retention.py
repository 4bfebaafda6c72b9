"""How long acknowledged records stay: the retention asked for, as far as the disk allows it.

What the platform has receipted is kept so that one restored from an old backup is refilled by its
terminals. That matters less than the next tap: on a disk that fills it goes earlier, the oldest
first and no more of it than brings relief. Unacknowledged records are not this module's to touch.
"""

PRESSED, FULL = 85, 95
"""Percent of the disk in use from which acknowledged records go before their time; and all may."""
KEEP_PRESSED_MS = 2 * 86_400_000
"""Below FULL what was receipted in the last two days stays: a nightly backup is no older."""


def prune_before(
    now_ms: int, retention_ms: int, used_percent: int, oldest_cut_ms: int | None
) -> int:
    """The time before which what was receipted may go: records receipted earlier are pruned.

    `used_percent` counts the journal's own free pages as free; `oldest_cut_ms` is when the oldest
    receipt at which can be cut was accepted, or None. Times are milliseconds of the wall clock.

    On a pressed disk only what that one receipt covers goes at a time: asked again, with what has
    become free, this says how to go on.
    """
    due = now_ms - retention_ms
    if used_percent < PRESSED or oldest_cut_ms is None:
        return due
    if used_percent < FULL and oldest_cut_ms >= now_ms - KEEP_PRESSED_MS:
        return due
    return max(due, oldest_cut_ms + 1)
