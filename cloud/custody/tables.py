"""What terminals sent, kept as it came; what was refused; what is not understood yet.

The sealed part of a record that was erased is empty, where one that has none is NULL: no search for
what was never sealed meets it. `erased_records` names those that a terminal could send once more.

`carried` names, of the records a terminal carried over from an earlier epoch, those that count;
`branches` the branches a person has decided about; `gaps` what a chain misses in its midst;
`clocks` the clock records that were interpreted; `carriers` which epochs carry records of which;
`receipts` are those that were given, one an hour of each epoch, and its newest.

`records` and `heads` take tens of thousands of rows a second, so they carry their key and nothing
else: no second index, and no foreign key, since ingest holds the epoch's row locked as it inserts.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from cloud.metadata import Id, Millis, metadata

platform = Table(
    "platform",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

epochs = Table(
    "epochs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("terminal_id", ForeignKey("terminals.id"), nullable=False),
    Column("epoch", LargeBinary, nullable=False),
    Column(
        "branch", Integer, nullable=False, server_default="0", comment="0: the chain attributed"
    ),
    Column("ordinal", BigInteger, comment="for people"),
    Column("first_seq", BigInteger, nullable=False, server_default="1", comment="oldest one held"),
    Column("head_seq", BigInteger, nullable=False, server_default="0"),
    Column("head_link", LargeBinary, nullable=False),
    Column("interpreted_seq", BigInteger, nullable=False, server_default="0"),
    Column("created_ms", Millis, nullable=False),
    UniqueConstraint("terminal_id", "epoch", "branch"),
    CheckConstraint("length(epoch) = 16", name="epoch"),
    CheckConstraint("length(head_link) = 32", name="head_link"),
)

records = Table(
    "records",
    metadata,
    Column("epoch_id", Id, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("blob", LargeBinary, comment="empty: who tapped was erased"),
    Column("link", LargeBinary, nullable=False),
    Column("received_ms", Millis, nullable=False),
    PrimaryKeyConstraint("epoch_id", "seq"),
)

heads = Table(
    "heads",
    metadata,
    Column("epoch_id", Id, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("head", LargeBinary, nullable=False, comment="COSE_Sign1"),
    PrimaryKeyConstraint("epoch_id", "seq"),
)

receipts = Table(
    "receipts",
    metadata,
    Column("epoch_id", ForeignKey("epochs.id"), nullable=False),
    Column("seq", BigInteger, nullable=False, comment="up to which it vouches"),
    Column("at_ms", Millis, nullable=False, comment="when it was signed, by its own word"),
    Column("since_ms", Millis, nullable=False, comment="when the one kept before it was"),
    Column("message", LargeBinary, nullable=False, comment="as the terminal was sent it"),
    PrimaryKeyConstraint("epoch_id", "seq"),
)

rejected = Table(
    "rejected",
    metadata,
    Column("id", Id, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True, comment="H(topic, message)"),
    Column("device", Text, nullable=False, comment="as the topic names it"),
    Column("topic", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("message", LargeBinary, nullable=False, comment="its first 64 KiB"),
    Column("count", BigInteger, nullable=False, server_default="1"),
    Column("first_ms", Millis, nullable=False),
    Column("last_ms", Millis, nullable=False),
    Index("ix_rejected_device", "device"),
)

alarms = Table(
    "alarms",
    metadata,
    Column("id", Id, primary_key=True),
    Column("terminal_id", ForeignKey("terminals.id")),
    Column("kind", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("at_ms", Millis, nullable=False),
    Column("cleared_ms", Millis),
    Index("ix_alarms_terminal_id", "terminal_id"),
)

waiting = Table(
    "waiting",
    metadata,
    Column("epoch_id", ForeignKey("epochs.id"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("tried_ms", Millis, nullable=False),
    PrimaryKeyConstraint("epoch_id", "seq"),
)

carried = Table(
    "carried",
    metadata,
    Column("terminal_id", ForeignKey("terminals.id"), nullable=False),
    Column("epoch", LargeBinary, nullable=False, comment="where the record stood first"),
    Column("seq", BigInteger, nullable=False, comment="where the record stood first"),
    Column("digest", LargeBinary, nullable=False, comment="H(body)"),
    Column("carrier_epoch_id", Id, nullable=False, comment="the record that carries it"),
    Column("carrier_seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("terminal_id", "epoch", "seq", "digest"),
)

branches = Table(
    "branches",
    metadata,
    Column("epoch_id", ForeignKey("epochs.id"), primary_key=True),
    Column("attributed", Boolean, nullable=False, comment="or else dismissed"),
    Column("resolved_ms", Millis, nullable=False),
)

gaps = Table(
    "gaps",
    metadata,
    Column("epoch_id", ForeignKey("epochs.id"), nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("last_link", LargeBinary, nullable=False, comment="which the record after it continues"),
    PrimaryKeyConstraint("epoch_id", "first_seq"),
    CheckConstraint("length(last_link) = 32", name="last_link"),
)

clocks = Table(
    "clocks",
    metadata,
    Column("epoch_id", ForeignKey("epochs.id"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("boot", LargeBinary, nullable=False),
    Column("boottime_ms", BigInteger, nullable=False),
    Column("wall_ms", BigInteger, nullable=False),
    Column("sync", Integer, nullable=False),
    Column("bound_ms", BigInteger),
    PrimaryKeyConstraint("epoch_id", "seq"),
)

carriers = Table(
    "carriers",
    metadata,
    Column("terminal_id", ForeignKey("terminals.id"), nullable=False),
    Column("epoch", LargeBinary, nullable=False, comment="of which records are carried"),
    Column("carrier_epoch_id", ForeignKey("epochs.id"), nullable=False),
    Column("last_seq", BigInteger, nullable=False, comment="the last of them"),
    Column(
        "read_seq", BigInteger, nullable=False, server_default="0", comment="met late, up to it"
    ),
    PrimaryKeyConstraint("terminal_id", "epoch", "carrier_epoch_id"),
)

erased_records = Table(
    "erased_records",
    metadata,
    Column("terminal", LargeBinary, nullable=False, comment="thumbprint"),
    Column("epoch", LargeBinary, nullable=False, comment="where the record stood first"),
    Column("seq", BigInteger, nullable=False, comment="where the record stood first"),
    Column("digest", LargeBinary, nullable=False, comment="H(blob), as the body names it"),
    PrimaryKeyConstraint("terminal", "epoch", "seq", "digest"),
)
