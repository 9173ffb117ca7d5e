"""Rows and helpers for the publisher's pages."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import event, select
from werkzeug.test import TestResponse

from core import clock
from core.db import db, transaction
from models.article import Article
from models.job import Job
from models.membership import BillingCustomer, Payment, StripeEvent
from models.thread import Comment, Thread
from models.user import RoleGrant, User
from tests.browser import Browser
from tests.factories import make_site, make_user, number

DAY = timedelta(days=1)


def ago(days: float) -> datetime:
    return clock.now() - timedelta(days=days)


def publisher_browser(app: Flask, name: str = "Pia Verleger") -> tuple[User, Browser]:
    """A publisher, signed in."""
    user = make_user(name, roles=("publisher",))
    return user, Browser(app).sign_in(user)


def office(app: Flask) -> Browser:
    """The site's row and a publisher's browser."""
    make_site()
    return publisher_browser(app)[1]


def make_comment(article: Article, author: User, *, days_ago: float = 0.1, **values: Any) -> Comment:
    """A comment as it stands in the table, published unless said otherwise."""
    status = values.pop("status", "published")
    at = ago(days_ago)
    with transaction() as session:
        thread = session.scalar(select(Thread).where(Thread.article_id == article.id))
        assert thread is not None
        row = Comment(
            thread_id=thread.id, author_id=author.id, status=status, shown=status == "published", body_source="Words.",
            body_html="<p>Words.</p>", body_hash="0" * 64, renderer_version=1, created_at=at,
            published_at=at if status == "published" else None, **values,
        )  # fmt: skip
        session.add(row)
        session.flush()
        row.root_id = row.id
    return row


def make_payment(user: User, cents: int, *, days_ago: float = 1, refunded: int = 0, currency: str = "usd",
                 mode: str = "sandbox") -> Payment:  # fmt: skip
    with transaction() as session:
        customer = session.scalar(
            select(BillingCustomer).where(BillingCustomer.user_id == user.id, BillingCustomer.mode == mode)
        )
        if customer is None:
            customer = BillingCustomer(mode=mode, user_id=user.id, stripe_id=f"cus_{number()}")
            session.add(customer)
            session.flush()
        row = Payment(mode=mode, customer_id=customer.id, invoice_id=f"in_{number()}", number=f"MER-{number()}",
                      amount_cents=cents, refunded_cents=refunded, currency=currency, paid_at=ago(days_ago))  # fmt: skip
        session.add(row)
    return row


def make_failed_job(kind: str = "mail", **values: Any) -> Job:
    with transaction() as session:
        row = Job(kind=kind, payload=values.pop("payload", {}), run_at=ago(1), attempts=8, failed_at=ago(0.5),
                  error="Traceback\nConnectionRefusedError: nobody there", **values)  # fmt: skip
        session.add(row)
    return row


def make_failed_event(event_id: str = "evt_1", mode: str = "sandbox", **values: Any) -> StripeEvent:
    with transaction() as session:
        row = StripeEvent(id=event_id, mode=mode, type="invoice.paid", created_at=ago(1), received_at=ago(1),
                          body=values.pop("body", b"{}"), state="failed", tries=3, error="Busy('cus_1')")  # fmt: skip
        session.add(row)
    return row


def roles_of(user: User) -> set[str]:
    return set(db.session().scalars(select(RoleGrant.name).where(RoleGrant.user_id == user.id)))


def figure(response: TestResponse, label: str) -> list[str]:
    """The numbers on the page whose label begins with these words."""
    pairs = re.findall(r'figures__n">([^<]*)</p><p class="figures__l">([^<]*)</p>', response.get_data(as_text=True))
    return [found for found, words in pairs if words.startswith(label)]


def hidden(response: TestResponse, name: str = "seen") -> str:
    """The value of a hidden field of the page."""
    page = response.get_data(as_text=True)
    tag = next(tag for tag in re.findall(r"<input[^>]*>", page) if f'name="{name}"' in tag and "hidden" in tag)
    found = re.search(r'value="([^"]*)"', tag)
    assert found is not None
    return found[1]


def form_of(response: TestResponse) -> dict[str, str]:
    """The fields of the page's first form that is posted, as a browser would send them untouched."""
    page = response.get_data(as_text=True)
    start = page.index('<form method="post" class="form"')
    form = page[start : page.index("</form>", start)]
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form):
        attributes = dict(re.findall(r'([a-z-]+)="([^"]*)"', tag))
        if attributes.get("type") not in {"checkbox", "radio"} and "name" in attributes:
            fields[attributes["name"]] = attributes.get("value", "")
    for name, body in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>\r?\n?(.*?)</textarea>', form, re.S):
        fields[name] = body
    for name, body in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option selected value="([^"]*)"', body) or re.search(r'<option value="([^"]*)"', body)
        fields[name] = chosen[1] if chosen else ""
    fields.pop("csrf_token", None)
    return fields


def at_once(app: Flask, *calls: Callable[[], Any]) -> list[Any]:
    """Make calls at the same moment, each in a thread and application context of its own; what each returned."""
    barrier = threading.Barrier(len(calls))
    answers: list[Any] = [None] * len(calls)

    def run(place: int) -> None:
        with app.app_context():
            barrier.wait()
            try:
                answers[place] = calls[place]()
            except Exception as error:
                answers[place] = error
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    db.session().rollback()  # ends the test's own read, which began before
    return answers


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements sent to the database meanwhile."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
