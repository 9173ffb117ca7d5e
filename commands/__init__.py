"""Commands that reach across the domains."""

from flask import Flask

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


def register_commands(app: Flask) -> None:
    """Register the commands of this layer."""
    app.cli.add_command(audit_packages)
    app.cli.add_command(backup)
    app.cli.add_command(restore)
    app.cli.add_command(billing)
    app.cli.add_command(doctor)
    app.cli.add_command(live)
    app.cli.add_command(show_access)
    app.cli.add_command(show_licences)
    app.cli.add_command(show_limits)
    app.cli.add_command(export)
    app.cli.add_command(import_)
    app.cli.add_command(sandbox)
    app.cli.add_command(show_sbom)
    app.cli.add_command(seed)
    app.cli.add_command(users)
    app.cli.add_command(worker)
    app.cli.commands.pop("roles", None)  # Flask-Security's: roles here are given on the publisher's page
