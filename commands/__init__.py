"""Commands that reach across the domains."""

from functools import cache
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup

from core import migrations


class LateCommands(AppGroup):
    """The application's commands. Those of this layer are imported when one is asked for, which no server does."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app.name, commands=app.cli.commands)
        self._load = cache(lambda: _add_commands(self, app))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        self._load()
        return super().get_command(ctx, name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._load()
        return super().list_commands(ctx)


def register_commands(app: Flask) -> None:
    """Let the commands of this layer be found beside those of the domains."""
    app.cli = LateCommands(app)


def _add_commands(group: Any, app: Flask) -> None:
    from commands.access import show_access
    from commands.audit import audit_packages
    from commands.backup import backup, restore
    from commands.billing import billing
    from commands.doctor import doctor
    from commands.licences import show_licences
    from commands.limits import show_limits
    from commands.live import live
    from commands.moving import export, import_
    from commands.sandbox import sandbox
    from commands.sbom import show_sbom
    from commands.seed import seed
    from commands.users import users
    from commands.worker import worker

    for command in (
        audit_packages, backup, restore, billing, doctor, live, show_access, show_licences, show_limits, export,
        import_, sandbox, show_sbom, seed, users, worker,
    ):  # fmt: skip
        group.add_command(command)
    migrations.install(app)  # `flask db`
