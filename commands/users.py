"""People, made by the operator."""

import click
from flask import current_app
from flask.cli import AppGroup

from blueprints.accounts import factors, passwords, policy, service
from blueprints.accounts.queries import user_by_email
from blueprints.publisher.beginning import link
from blueprints.publisher.queries_beginning import has_publisher
from blueprints.site.queries import site
from core.db import transaction
from core.errors import DomainError
from core.recording import acting
from core.viewer import ROLES

users = AppGroup("users", help="Make accounts.")


@users.command("reset-second-factor")
@click.option("--email", required=True, help="Whose.")
def reset_second_factor(email: str) -> None:
    """Let somebody in again with the password alone, who lost app, passkeys and recovery codes."""
    try:
        with acting(None), transaction():
            user = user_by_email(policy.normal_email(email))
            if user is None:
                raise click.ClickException("There is no account with this address.")
            factors.reset(user.id)
    except (DomainError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{user.display_name} signs in with the password alone now, and is signed out everywhere.")


@users.command("first-publisher")
def first_publisher() -> None:
    """Print a link that makes the first publisher; good for a day, once, and only while there is none."""
    if has_publisher():
        raise click.ClickException("There is a publisher already, who gives others their roles.")
    click.echo(link())


@users.command("create")
@click.option("--email", required=True, help="Where mail goes; also what one signs in with.")
@click.option("--name", required=True, help="The display name.")
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="May be given several times.")
@click.option("--password", help="Asked for when it is not given.")
def create(email: str, name: str, roles: tuple[str, ...], password: str | None) -> None:
    """Make an account that needs no confirmation. Readers have no role."""
    if password is None:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    problem = policy.password_problem(password, name=name, email=email, site_name=site().name)
    if problem:
        raise click.ClickException(problem)
    hashed = passwords.hash_password(password)
    try:
        with acting(None), transaction():
            user = service.create_user(display_name=name, email=email, password_hash=hashed, roles=roles)
    except DomainError as error:
        raise click.ClickException(error.sentence) from None
    known_as = ", ".join(roles) or "reader"
    click.echo(f"{user.display_name} <{user.email}> is here now, as {known_as}.")
    click.echo(f"Sign in at {current_app.config['SETTINGS'].base_url}/sign-in")
