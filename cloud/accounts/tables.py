"""Accounts; their sessions; in which companies they have a part, and what of it they see.

A membership says that an account has a role in a company. Grants say which divisions and sites it
reaches, for the roles that do not reach everything. A TOTP is the secret of somebody's one-time
passwords; a passkey the public half of a key that an authenticator of theirs keeps; a challenge
what an authenticator was asked to sign and has not yet. Recovery codes are for when all that is
lost. An invitation is a membership on offer, with the grants that would come with it. Links are
what is mailed to prove an address. An access request asks a company's administrators to let an
account in, or whoever runs the platform to give it a private company.
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
    Table,
    Text,
    UniqueConstraint,
    false,
)

from cloud.accounts.roles import Role
from cloud.metadata import Id, Millis, handle, metadata, one_of

_ROLES = tuple(role.value for role in Role)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", Text, nullable=False, unique=True, comment="normalised: lower case"),
    Column("name", Text, nullable=False),
    Column("password", Text, comment="argon2id, encoded; NULL: none chosen yet"),
    Column("language", Text, nullable=False, server_default="fr"),
    Column("failures", Integer, nullable=False, server_default="0", comment="in a row"),
    Column("locked_until_ms", Millis),
    Column("disabled_ms", Millis),
    Column("created_ms", Millis, nullable=False),
    Column(
        "operator", Boolean, nullable=False, server_default=false(), comment="runs the platform"
    ),
    Column("handle", LargeBinary, default=handle, comment="what the log of erasures calls it"),
    Column("closed_ms", Millis, comment="its name and address are gone"),
    Column(
        "passkey_handle",
        LargeBinary,
        comment="what authenticators know it by: random (WebAuthn, user handle); NULL: none does",
    ),
    Index("ix_accounts_passkey_handle", "passkey_handle", unique=True),
    CheckConstraint(one_of("language", "fr", "nl", "de", "en"), name="language"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True, comment="SHA-256"),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("company_id", ForeignKey("companies.id"), comment="the active one"),
    Column("created_ms", Millis, nullable=False),
    Column("seen_ms", Millis, nullable=False),
    Column(
        "half",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="the password was right, the second factor is yet to come",
    ),
    Index("ix_sessions_account_id", "account_id"),
)

totps = Table(
    "totps",
    metadata,
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column(
        "sealed",
        LargeBinary,
        nullable=False,
        comment="what codes are made from, sealed by the vault",
    ),
    Column("step", BigInteger, nullable=False, server_default="0", comment="the last that counted"),
    Column("created_ms", Millis, nullable=False),
    Column("confirmed_ms", Millis, comment="NULL: no code of it was given yet, so none is asked"),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("code_hash", LargeBinary, primary_key=True, comment="SHA-256"),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("used_ms", Millis),
    Index("ix_recovery_codes_account_id", "account_id"),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("credential_id", LargeBinary, nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False, comment="COSE_Key (RFC 9052)"),
    Column("sign_count", BigInteger, nullable=False, comment="as it was told last"),
    Column("rp_id", Text, nullable=False, comment="the name it was made for, and works at"),
    Column("synced", Boolean, nullable=False, comment="may be on several devices of its owner"),
    Column("transports", Text, nullable=False, comment="how a browser reaches it, by spaces"),
    Column("name", Text, nullable=False, comment="as its owner knows it"),
    Column("created_ms", Millis, nullable=False),
    Column("used_ms", Millis),
    Column("stopped_ms", Millis, comment="its count went back: there may be a copy"),
    Index("ix_passkeys_account_id", "account_id"),
)

passkey_challenges = Table(
    "passkey_challenges",
    metadata,
    Column("challenge", LargeBinary, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column(
        "token_hash", LargeBinary, nullable=False, comment="SHA-256 of what the asked browser holds"
    ),
    Column("account_id", ForeignKey("accounts.id"), comment="NULL: whoever answers"),
    Column("created_ms", Millis, nullable=False),
    CheckConstraint(one_of("purpose", "add", "login", "second"), name="purpose"),
    Index("ix_passkey_challenges_created_ms", "created_ms"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True, comment="SHA-256"),
    Column("company_id", ForeignKey("companies.id"), comment="NULL: the operator's, sees all"),
    Column("whole_badges", Boolean, nullable=False, comment="may read badge numbers whole"),
    Column("created_ms", Millis, nullable=False),
    Column("revoked_ms", Millis),
    Column(
        "scopes",
        Text,
        nullable=False,
        server_default="companies:read custody:read registrations:read terminals:read",
    ),
    Column("expires_ms", Millis, comment="the first moment it is worth nothing; NULL: never"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("company_id", ForeignKey("companies.id"), nullable=False),
    Column("role", Text, nullable=False),
    Column("external", Boolean, nullable=False, server_default=false()),
    Column("created_ms", Millis, nullable=False),
    UniqueConstraint("account_id", "company_id"),
    CheckConstraint(one_of("role", *_ROLES), name="role"),
    Index("ix_memberships_company_id", "company_id"),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("company_id", ForeignKey("companies.id"), nullable=False),
    Column("email", Text, nullable=False, comment="normalised"),
    Column("role", Text, nullable=False),
    Column("external", Boolean, nullable=False, server_default=false()),
    Column("token_hash", LargeBinary, nullable=False, unique=True, comment="SHA-256"),
    Column("created_ms", Millis, nullable=False),
    Column("expires_ms", Millis, nullable=False),
    Column("closed_ms", Millis, comment="accepted or withdrawn"),
    CheckConstraint(one_of("role", *_ROLES), name="role"),
    Index("ix_invitations_company_id", "company_id"),
)

grants = Table(
    "grants",
    metadata,
    Column("id", Id, primary_key=True),
    Column("membership_id", ForeignKey("memberships.id")),
    Column("invitation_id", ForeignKey("invitations.id"), comment="what it would come with"),
    Column("division_id", ForeignKey("divisions.id")),
    Column("site_id", ForeignKey("sites.id")),
    UniqueConstraint("membership_id", "division_id"),
    UniqueConstraint("membership_id", "site_id"),
    CheckConstraint("(membership_id IS NULL) <> (invitation_id IS NULL)", name="holder"),
    CheckConstraint("(division_id IS NULL) <> (site_id IS NULL)", name="place"),
    Index("ix_grants_invitation_id", "invitation_id"),
)

links = Table(
    "links",
    metadata,
    Column("id", Id, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("email", Text, nullable=False, comment="normalised"),
    Column("token_hash", LargeBinary, nullable=False, unique=True, comment="SHA-256"),
    Column("detail", Text, nullable=False, comment="JSON"),
    Column("created_ms", Millis, nullable=False),
    Column("expires_ms", Millis, nullable=False),
    Column("used_ms", Millis),
    UniqueConstraint("purpose", "email"),
    CheckConstraint(one_of("purpose", "register", "reset"), name="purpose"),
)

access_requests = Table(
    "access_requests",
    metadata,
    Column("id", Id, primary_key=True),
    Column("company_id", ForeignKey("companies.id"), nullable=False),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("created_ms", Millis, nullable=False),
    Column("decided_ms", Millis),
    Column("granted", Boolean),
    Column(
        "claims",
        Text,
        comment="the name a private company is to have; NULL: it is registered already",
    ),
    Index("ix_access_requests_company_id", "company_id"),
)
