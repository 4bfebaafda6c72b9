"""How much is sent at once: less over a line that does not carry it in time, and more again after.

A batch whose receipt does not come in `resend_s` is sent again whole. Over a line that needs longer
for it than that, a backlog would be sent for ever and never arrive.
"""

from protocol import batches

LEAST = 4096
"""Octets; whatever stands under one head is sent together all the same."""


class BatchSize:
    """The most octets of the next batch, between LEAST and what the protocol allows."""

    def __init__(self) -> None:
        self.octets = batches.MAX_BATCH

    def answered(self) -> None:
        """The last batch was receipted in time."""
        self.octets = min(2 * self.octets, batches.MAX_BATCH)

    def unanswered(self) -> None:
        """The last batch was lost, or was too long for the line."""
        self.octets = max(self.octets // 2, LEAST)
