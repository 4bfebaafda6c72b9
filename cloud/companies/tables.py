"""Companies, unique by VAT number; their divisions; their sites."""

from sqlalchemy import Boolean, Column, ForeignKey, Table, Text, UniqueConstraint, false

from cloud.metadata import Id, Millis, metadata

companies = Table(
    "companies",
    metadata,
    Column("id", Id, primary_key=True),
    Column("vat", Text, nullable=False, unique=True, comment="with country: BE0403019261"),
    Column("name", Text, nullable=False),
    Column(
        "private",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="met on a badge, registered by nobody",
    ),
    Column("created_ms", Millis, nullable=False),
)

divisions = Table(
    "divisions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("company_id", ForeignKey("companies.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("closed_ms", Millis, comment="NULL: open"),
    UniqueConstraint("company_id", "name"),
)

sites = Table(
    "sites",
    metadata,
    Column("id", Id, primary_key=True),
    Column("division_id", ForeignKey("divisions.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("address", Text),
    Column("workplace_id", Text, comment="Checkinatwork's 13 characters"),
    Column("closed_ms", Millis, comment="NULL: open"),
    UniqueConstraint("division_id", "name"),
)
