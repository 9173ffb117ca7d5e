"""What is sold, who has it, and everything that touches Stripe."""

from datetime import datetime
from urllib.parse import urlsplit

from flask import Flask, flash

from blueprints.accounts.hooks import membership_lines, settings_parts
from blueprints.accounts.signals import account_deleting_signal, email_changed_signal, signed_in_signal
from blueprints.membership import (
    gifts,
    gifts_jobs,  # noqa: F401
    jobs,  # noqa: F401
    jobs_catalogue,  # noqa: F401
    jobs_health,  # noqa: F401
    leaving,  # noqa: F401
    not_renewing,
    notices,  # noqa: F401
    rises_jobs,  # noqa: F401
    routes_changes,  # noqa: F401
    routes_gifts,  # noqa: F401
    routes_pausing,  # noqa: F401
    routes_seats,  # noqa: F401
    routes_told,
    sync,  # noqa: F401
    webhooks,  # noqa: F401
)
from blueprints.membership.gateway import Gateway, InProcessTransport, gateway, mode_of
from blueprints.membership.leaving_asked import ask_to_end
from blueprints.membership.mails import NOTICE_MAILS
from blueprints.membership.manage import overview_line, viewer_billing_state
from blueprints.membership.queries_agreements import forget_networks
from blueprints.membership.queries_notices import forget_recipient, note_sending
from blueprints.membership.routes import membership
from blueprints.membership.sandbox import mount, start_sandbox_delivery
from blueprints.membership.signals import membership_changed_signal
from blueprints.notifications.signals import mail_sent_signal
from core.config import Settings
from jobs.queue import enqueue

__all__ = ["install", "start_sandbox_delivery", "viewer_billing_state"]


def install(app: Flask) -> None:
    """Register this domain's routes, jobs and signals, and open the door to Stripe or to its stand-in."""
    settings: Settings = app.config["SETTINGS"]
    app.extensions["rejoinder_gateway"] = _gateway(app, settings)
    app.register_blueprint(membership)
    account_deleting_signal.connect(_account_deleting)
    not_renewing.install()
    email_changed_signal.connect(_email_changed)
    signed_in_signal.connect(_signed_in)
    mail_sent_signal.connect(_mail_sent)
    membership_changed_signal.connect(_rights_changed)
    if overview_line not in membership_lines:
        membership_lines.append(overview_line)
    if routes_told.country_setting not in settings_parts:
        settings_parts.append(routes_told.country_setting)


def _gateway(app: Flask, settings: Settings) -> Gateway:
    if settings.sandbox:
        host = mount(app, settings)
        return Gateway(
            host.key, mode="sandbox", webhook_secrets=(host.webhook_secret, *settings.webhook_secrets),
            api_base="http://sandbox.invalid", transport=InProcessTransport(host),
        )  # fmt: skip
    if settings.stripe_api_base:
        parts = urlsplit(settings.stripe_api_base)
        app.config["FORM_TARGETS"] = (*app.config["FORM_TARGETS"], f"{parts.scheme}://{parts.netloc}")
    key = settings.stripe_secret_key
    return Gateway(key, mode=mode_of(key), webhook_secrets=settings.webhook_secrets, api_base=settings.stripe_api_base)


def _account_deleting(_sender: object, *, user_id: int, keep_words: bool) -> None:
    """Whoever leaves pays no more; Stripe is told by a job, as often as it takes."""
    ask_to_end(gateway().mode, user_id)
    enqueue("seats.leave-all", key=f"seats.leave-all:{user_id}", user_id=user_id)
    forget_networks(user_id)
    forget_recipient(user_id)


def _email_changed(_sender: object, *, user_id: int) -> None:
    """Receipts go to the address that the reader confirmed. Nobody is ever found by it."""
    enqueue("stripe.update-email", key=f"update-email:{user_id}", user_id=user_id)


def _rights_changed(_sender: object, *, user_id: int) -> None:
    """A gift that has not begun moves with what it follows. Nothing changes the second time, so this ends."""
    if gifts.place(user_id):
        membership_changed_signal.send(None, user_id=user_id)


def _mail_sent(_sender: object, *, mail_id: int, kind: str, at: datetime) -> None:
    """Keep when a letter left the house."""
    if kind.startswith(NOTICE_MAILS):
        note_sending(mail_id, at)


def _signed_in(_sender: object, *, user_id: int) -> None:
    """Somebody whose payment is missing hears of it when they come in."""
    state = viewer_billing_state(user_id)
    if state is not None and state.is_owing:
        flash("A payment for your membership did not go through. Please see to your card under Membership.", "info")
