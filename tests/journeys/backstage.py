"""What a journey needs to find in place, put straight into the running site's database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import func, select, update

from app import create_app
from core.config import Settings
from core.db import db, transaction
from models.membership import BillingCustomer, CheckoutAttempt, Payment, Plan, Subscription
from models.thread import Comment
from models.user import User
from tests import factories
from tests.browser import Browser

PASSWORD = "a-quiet-harbour-at-noon"


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in; who was made backstage can also be there already (`steps.come_in`)."""

    name: str
    email: str
    password: str = PASSWORD
    start_session: Callable[[], str] | None = field(default=None, repr=False, compare=False)  # returns the cookie


class Backstage:
    """Makes people and articles of a journey's own, so that no journey uses up another's."""

    def __init__(self, database_url: str, data_dir: Path, url: str) -> None:
        self._settings = Settings(
            database_url=database_url, data_dir=data_dir, site_url=url, redis_url="", mail_url="",
            secret_key="", stripe_secret_key="", stripe_webhook_secrets="", stripe_api_base="", rejoinder_mode="demo",
        )  # fmt: skip

    @cached_property
    def app(self) -> Flask:
        return create_app(self._settings)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """The application's context, for looking into the database."""
        with self.app.app_context():
            try:
                yield
            finally:
                db.session.remove()

    @cached_property
    def _hashed(self) -> str:
        from blueprints.accounts.passwords import hash_password

        return hash_password(PASSWORD)

    def reader(self, name: str = "", *, roles: tuple[str, ...] = ()) -> Person:
        """A confirmed reader."""
        return self._person(name, roles, None)

    def member(self, name: str = "") -> Person:
        """A VIP member by courtesy of the house; one who pays is made by a journey itself."""
        return self._person(name, (), "vip")

    def of_the_demo(self, name: str) -> Person:
        """One of the demo's people, who can be there already."""
        with self.inside():
            user = db.session().scalars(select(User).where(User.display_name == name)).one()
            return Person(user.display_name, user.email, start_session=partial(self._session_of, user.id))

    def _person(self, name: str, roles: tuple[str, ...], plan_key: str | None) -> Person:
        with self.inside():
            hashed = self._hashed
            user = factories.make_user(f"{name} {factories.letters()}" if name else None, roles=roles)
            with transaction() as session:
                session.execute(update(User).where(User.id == user.id).values(password=hashed))
            if plan_key:
                plan = db.session().scalar(select(Plan).where(Plan.key == plan_key))
                assert plan is not None
                factories.make_entitlement(user, plan)
            return Person(user.display_name, user.email, start_session=partial(self._session_of, user.id))

    def _session_of(self, user_id: int) -> str:
        with self.inside():
            cookie = Browser(self.app).sign_in(db.session().get_one(User, user_id)).http.get_cookie("session")
            assert cookie is not None
            return cookie.value

    def article(self, headline: str = "A story of this journey", **values: Any) -> str:
        """A published article with an open thread for members; returns its path."""
        values.setdefault("comment_audience", "members")
        with self.inside():
            mark = factories.letters()
            section = factories.make_section(f"Section {mark}", slug=f"section-{mark}")
            row = factories.make_article(headline, section=section, slug=f"story-{mark}", **values)
            return f"/articles/{row.slug}"

    def count_subscriptions(self, email: str) -> int:
        """How many subscriptions this person has at Stripe, as we know them."""
        return self._count(Subscription.id, Subscription.customer_id, email)

    def count_payments(self, email: str) -> int:
        """How many payments of this person have arrived."""
        return self._count(Payment.id, Payment.customer_id, email)

    def count_checkouts(self, email: str) -> int:
        """How many checkouts this person has begun."""
        attempts = select(func.count(CheckoutAttempt.id)).join(User, User.id == CheckoutAttempt.user_id)
        return self._look(lambda: attempts.where(User.email == email))

    def count_comments(self, email: str) -> int:
        """How many comments this person has written."""
        return self._look(
            lambda: select(func.count(Comment.id)).join(User, User.id == Comment.author_id).where(User.email == email)
        )

    def _count(self, what: Any, customer: Any, email: str) -> int:
        return self._look(
            lambda: select(func.count(what))
            .join(BillingCustomer, BillingCustomer.id == customer)
            .join(User, User.id == BillingCustomer.user_id)
            .where(User.email == email)
        )

    def _look(self, statement: Callable[[], Any]) -> int:
        with self.inside():
            return int(db.session().scalar(statement()) or 0)
