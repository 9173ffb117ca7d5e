"""`python -m stripe_sandbox --port 12111 --webhook-to http://127.0.0.1:8000/webhooks/stripe`."""

import argparse

from . import DEFAULT_SECRET
from .serve import serve


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="stripe_sandbox", description="A small stateful Stripe. No money moves.")
    parser.add_argument("--port", type=int, default=12111)
    parser.add_argument("--webhook-to", metavar="URL", help="where events are delivered")
    parser.add_argument("--webhook-secret", default=DEFAULT_SECRET, metavar="SECRET")
    parser.add_argument("--database", metavar="FILE", help="keep the state in this file")
    given = parser.parse_args()
    serve(given.port, given.webhook_to, given.webhook_secret, given.database)


if __name__ == "__main__":
    main()
