"""Everything of fair process that is registered by being imported."""

from blueprints.moderation import cli_fair, jobs_fair, routes_illegal, routes_keeping, routes_ledger, routes_open  # noqa: F401
