"""The contract between terminal and platform: records, chain, seals, batches, receipts, topics.

Everything here is exact about bytes; the rules and the attacks they answer are in
`docs/protocol.md`. This package imports nothing of ours.
"""

VERSION = "0.1.0"
"""Of the whole distribution: what terminal and platform say they are."""
