"""`pointeuse cloud`: the commands of the platform, each imported when it is used."""

import importlib

import click

_COMMANDS = {
    "migrate": ("cloud.migrations.cli", "migrate", "Bring the database to the present schema."),
    "load": ("cloud.world.cli", "load", "Enter companies, sites, workers and terminals from TOML."),
    "company": ("cloud.companies.cli", "company", "Companies, their divisions and sites."),
    "terminal": ("cloud.terminals.cli", "terminal", "Terminals, and where each stands."),
    "worker": ("cloud.workers.cli", "worker", "Workers of companies."),
    "badge": ("cloud.workers.cli", "badge", "Badges, and whose they are."),
    "account": ("cloud.accounts.cli", "account", "Accounts, and what each sees of which company."),
    "access": ("cloud.accounts.access_cli", "access", "Requests that no administrator can decide."),
    "token": ("cloud.accounts.token_cli", "token", "Tokens with which programs read the API."),
    "explain": (
        "cloud.visibility.cli",
        "explain",
        "Say why an account does not see a worker, a registration or a terminal.",
    ),
    "trail": ("cloud.audit.cli", "trail", "List who changed or looked at what."),
    "notify": (
        "cloud.notifications.cli",
        "notify",
        "Look once for what people are to be told of.",
    ),
    "webhook": (
        "cloud.webhooks.cli",
        "webhook",
        "Webhooks of companies: what is owed to them, delivering it, stopping one.",
    ),
    "ingest": ("cloud.ingest.cli", "ingest", "Receive, keep and interpret what terminals send."),
    "reinterpret": (
        "cloud.interpretation.cli",
        "reinterpret",
        "Make registrations anew from the records in custody.",
    ),
    "disclose": (
        "cloud.disclosure.cli",
        "disclose",
        "Write one registration, opened and proved, for somebody else.",
    ),
    "archive": (
        "cloud.custody.cli",
        "archive",
        "Write what custody holds of a terminal to a file that anybody can verify.",
    ),
    "export": (
        "cloud.exports.cli",
        "export",
        "Make a numbered snapshot of a company's registrations, as CSV or XLSX.",
    ),
    "retention": (
        "cloud.retention.cli",
        "retention",
        "How long personal data is kept, and erasing what is past its time.",
    ),
    "backup": ("cloud.backup.cli", "backup", "Save the database, and apart from it the keys."),
    "restore": ("cloud.backup.cli", "restore", "Put a backup in the database's place."),
    "serve": ("cloud.api.cli", "serve", "Serve the API and the console."),
}


class _Lazy(click.Group):
    """Knows its commands by name; imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, name, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][2]) for name in self.list_commands(ctx)])


@click.group(cls=_Lazy)
def cloud() -> None:
    """Run the platform."""
