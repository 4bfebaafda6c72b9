"""Technical accounts of workers; the apps that each identifies; codes that pair another one.

A technical account is no account: nobody logs in with it. It is made when a worker's first app is
paired, and says whose an app is that connects.
"""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, Text

from cloud.metadata import Id, Millis, metadata

technical_accounts = Table(
    "technical_accounts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("worker_id", ForeignKey("workers.id"), nullable=False, unique=True),
    Column("created_ms", Millis, nullable=False),
)

apps = Table(
    "apps",
    metadata,
    Column("id", Id, primary_key=True),
    Column("technical_account_id", ForeignKey("technical_accounts.id"), nullable=False),
    Column("name", Text, nullable=False, comment="as the app calls its device"),
    Column("token_hash", LargeBinary, nullable=False, unique=True, comment="SHA-256"),
    Column("created_ms", Millis, nullable=False),
    Column("used_ms", Millis, comment="the day it last asked, by its first moment in Brussels"),
    Column("revoked_ms", Millis),
    Index("ix_apps_technical_account_id", "technical_account_id"),
)

pairing_codes = Table(
    "pairing_codes",
    metadata,
    Column("worker_id", ForeignKey("workers.id"), primary_key=True, comment="one each: the newest"),
    Column("code_hash", LargeBinary, nullable=False, unique=True, comment="SHA-256"),
    Column("created_ms", Millis, nullable=False),
    Column("expires_ms", Millis, nullable=False),
    Column("used_ms", Millis),
)
