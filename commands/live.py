"""`flask live`: live streams in processes of their own, for a site with more readers than its web processes hold."""

import click
from flask import current_app

from core.config import ConfigError


@click.command("live")
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1, 64), help="Each uses one core.")
def live(processes: int) -> None:
    """Serve live streams at HOST and PORT, and nothing else, until told to stop."""
    from commands.server import LiveFront, Server, check_port

    app = current_app._get_current_object()  # type: ignore[attr-defined]
    settings = app.config["SETTINGS"]
    try:
        check_port(settings)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Live streams are at {settings.host}:{settings.port}. Ctrl+C ends it.")
    Server(app, settings, lambda _app: [], LiveFront, processes).run()
