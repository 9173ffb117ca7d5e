"""The built-in stand-in for Stripe on a port of its own."""

from pathlib import Path

import click
from flask.cli import AppGroup

sandbox = AppGroup("sandbox", help="The stand-in for Stripe.")


@sandbox.command("serve", with_appcontext=False)
@click.option("--port", default=12111, show_default=True, help="Where it listens, on 127.0.0.1.")
@click.option("--webhook-to", help="Where events are delivered, for example http://127.0.0.1:8000/webhooks/stripe.")
@click.option("--webhook-secret", default="whsec_sandbox", show_default=True, help="What signs them.")
@click.option("--database", type=click.Path(path_type=Path), help="Keep its state in this file; else it ends with it.")
def serve(port: int, webhook_to: str | None, webhook_secret: str, database: Path | None) -> None:
    """Serve the API, the hosted pages and the control panel until interrupted.

    Point the application at it with STRIPE_API_BASE=http://127.0.0.1:PORT, STRIPE_SECRET_KEY=sk_test_sandbox and
    STRIPE_WEBHOOK_SECRETS set to the secret.
    """
    from stripe_sandbox.serve import serve as run

    run(port, webhook_to, webhook_secret, database)
