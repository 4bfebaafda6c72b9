"""Every table of the platform: importing this module fills `metadata`."""

import cloud.accounts.tables
import cloud.api.tables
import cloud.apps.tables
import cloud.audit.tables
import cloud.companies.tables
import cloud.configurations.tables
import cloud.custody.tables
import cloud.exports.tables
import cloud.mail.tables
import cloud.notifications.tables
import cloud.registrations.tables
import cloud.retention.tables
import cloud.terminals.tables
import cloud.webhooks.tables
import cloud.workers.tables  # noqa: F401
from cloud.metadata import metadata

__all__ = ["metadata"]
