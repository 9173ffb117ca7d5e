"""What a process of the crew can be asked to do. Every task is a person, Stripe or a worker, from outside."""

import json
import time
from typing import Any
from urllib.parse import urlsplit

from flask import Flask

from blueprints.accounts.service import delete_account
from blueprints.membership.gateway import gateway
from blueprints.membership.jobs_health import catch_up
from blueprints.membership.sandbox import host_of
from core.db import db, transaction
from jobs import worker
from models.user import User
from stripe_sandbox.delivery import signature
from tests.browser import Browser


def deliver(app: Flask, events: list[dict[str, Any]], run_between: list[bool]) -> dict[str, Any]:
    """Deliver these events, each signed afresh, and be a worker after some of them and at the end."""
    answers = []
    for event, run in zip(events, run_between, strict=True):
        body = json.dumps(event).encode()
        header = signature(gateway().webhook_secrets[0], body, int(time.time()))
        answers.append(host_of(app).post("http://localhost/webhooks/stripe", body, {"Stripe-Signature": header}))
        if run:
            worker.run_all()
    worker.run_all()
    return {"answers": answers}


def work(app: Flask, catching_up: bool = False, delivering: bool = False) -> None:
    """Be a worker until nothing is left; on request catch up first, or let the sandbox deliver what is due."""
    if catching_up:
        catch_up()
    if delivering:
        host_of(app).sandbox.deliver_all(host_of(app).post)
    worker.run_all()


def join(app: Flask, user_id: int, price: str = "vip-month", card: str = "works") -> dict[str, Any]:
    """Press the button, pay on Stripe's page, come back: as far as it goes. Whoever paid already is let be."""
    browser = _browser(app, user_id)
    pressed = browser.post("/join/checkout", {"price": price})
    if pressed.status_code != 303:
        return {"ended": f"pressed: {pressed.status_code}"}
    address = str(pressed.headers["Location"])
    if address.startswith("/join/complete"):
        return {"ended": f"back at once: {browser.get(address).status_code}"}
    paid = Browser(app).http.post(urlsplit(address).path, data={"card": card})
    parts = urlsplit(str(paid.headers["Location"]))
    return {"ended": f"back: {browser.get(f'{parts.path}?{parts.query}').status_code}"}


def switch(app: Flask, user_id: int, price: str, form: dict[str, str]) -> dict[str, Any]:
    """Press the button of a switch whose page was open already."""
    return {"status": _browser(app, user_id).post(f"/account/membership/switch/{price}", form).status_code}


def cancel(app: Flask, user_id: int) -> dict[str, Any]:
    """The second press of cancelling."""
    return {"status": _browser(app, user_id).post("/account/membership/cancel", {"sure": "yes"}).status_code}


def withdraw(app: Flask, address: str) -> dict[str, Any]:
    """Withdraw from the contract by the link in the mail, and be the worker that gives the money back."""
    status = Browser(app).post(address).status_code
    worker.run_all()
    return {"status": status}


def leave(app: Flask, user_id: int) -> None:
    """Delete the account, as is done a week after it was asked for, and be the worker that ends what is paid for."""
    with transaction() as session:
        user = session.get(User, user_id)
        assert user is not None
        if user.deleted_at is None:
            delete_account(user_id, keep_words=True)
    worker.run_all()


def _browser(app: Flask, user_id: int) -> Browser:
    user = db.session().get(User, user_id)
    assert user is not None
    browser = Browser(app).sign_in(user)
    db.session().rollback()
    return browser
