"""Who somebody is: sign-up, sign-in, profile, sessions."""

from flask import Flask

from blueprints.accounts import (  # noqa: F401
    jobs,
    routes_factors,
    routes_keys,
    routes_own,
    routes_personal,
    routes_proving,
    routes_second,
    session,
)
from blueprints.accounts.proving import ask_for_proof
from blueprints.accounts.routes import accounts
from core.step_up import register_prover


def install(app: Flask) -> None:
    """Register this domain's routes, jobs and signals."""
    session.install(app)
    register_prover(app, ask_for_proof)
    app.register_blueprint(accounts)
