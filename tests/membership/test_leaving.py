"""Deleting an account stops the billing, whatever Stripe answers; and the proof of it."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe
from sqlalchemy import select

from blueprints.accounts.service import delete_account
from blueprints.membership.gateway import Gateway, InProcessTransport
from blueprints.membership.health import checks_here
from blueprints.membership.sandbox import host_of
from core import clock
from core.db import db, transaction
from core.rendering import date
from jobs import worker
from models.leaving import BillingEnd
from models.membership import Payment
from models.user import User
from tests.accounts.mailbox import PASSWORD
from tests.browser import Browser, text_of
from tests.membership.conftest import Till
from tests.membership.test_own_page import pass_time

Rule = Callable[[str, str], str | None]
HOUR = clock.timedelta(hours=1)


class Moody(InProcessTransport):
    """A line on which each call goes as `rule(method, url)` says: None as always, else how it fails."""

    def __init__(self, till: Till, rule: Rule) -> None:
        super().__init__(host_of(till.app))
        self.rule = rule

    def request(self, method: str, url: str, headers: Any = None, post_data: Any = None, *, _usage: Any = None) -> Any:
        mood = self.rule(method, url)
        if mood == "slow":
            raise stripe.APIConnectionError("timed out", should_retry=False)
        if mood == "lost":  # done, and the answer never came
            super().request(method, url, headers, post_data)
            raise stripe.APIConnectionError("connection reset", should_retry=False)
        if mood == "refused":
            return '{"error": {"type": "invalid_request_error", "message": "Not now."}}', 400, {}
        if mood == "missing":
            return '{"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such thing"}}', 404, {}
        if mood == "busy":
            return '{"error": {"type": "rate_limit_error", "message": "Too many requests"}}', 429, {}
        if mood == "broken":
            return '{"error": {"type": "api_error", "message": "Something broke"}}', 500, {"Stripe-Should-Retry": "false"}
        return super().request(method, url, headers, post_data)


def moody(till: Till, rule: Rule) -> Callable[[], None]:
    """Put the line in; returns the function that mends it."""
    standing: Gateway = till.app.extensions["rejoinder_gateway"]
    till.app.extensions["rejoinder_gateway"] = Gateway(
        host_of(till.app).key, mode=standing.mode, webhook_secrets=standing.webhook_secrets,
        api_base="http://sandbox.invalid", transport=Moody(till, rule),
    )  # fmt: skip

    def mend() -> None:
        till.app.extensions["rejoinder_gateway"] = standing

    return mend


@pytest.fixture(autouse=True)
def mended(till: Till) -> Any:
    """However a test leaves the line, the next one finds it whole."""
    standing = till.app.extensions["rejoinder_gateway"]
    yield
    till.app.extensions["rejoinder_gateway"] = standing


def on_cancelling(mood: str) -> Rule:
    return lambda method, url: mood if method.upper() == "DELETE" and "/subscriptions/" in url else None


def leave(user: User) -> None:
    with transaction():
        delete_account(user.id, keep_words=True)


def end_of(user: User) -> BillingEnd:
    return db.session().scalars(
        select(BillingEnd).where(BillingEnd.user_id == user.id).execution_options(populate_existing=True)).one()


def work(hours: float = 0) -> None:
    clock.shift(clock._offset.get() + hours * HOUR)
    for _ in range(30):
        worker.run_due(100)


@pytest.mark.once
def test_the_end_is_proven(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    leave(user)
    assert end_of(user).done_at is None
    till.deliver()
    end = end_of(user)
    assert (end.done_at is not None, end.error, end.refunded_cents) == (True, None, 0)
    number = till.subscriptions()[0]["id"]
    assert end.proof.startswith(f"{number}: canceled since")
    assert "Nothing is left to be paid" in end.proof
    assert user.display_name not in end.proof


@pytest.mark.parametrize(
    "mood", ["lost", *(pytest.param(mood, marks=pytest.mark.once) for mood in ("refused", "slow", "busy", "broken"))]
)
def test_whatever_stripe_answers_the_billing_ends_and_nothing_is_charged_after(till: Till, mood: str) -> None:
    user, browser = till.reader()
    till.join(browser)
    mend = moody(till, on_cancelling(mood))
    leave(user)
    work()
    assert db.session().scalar(select(User.deleted_at).where(User.id == user.id)) is not None
    end = end_of(user)
    if mood != "lost":
        assert (end.done_at, till.subscriptions()[0]["status"]) == (None, "active")
        assert end.error
    mend()
    work(2)
    assert end_of(user).done_at is not None
    assert till.subscriptions()[0]["status"] == "canceled"
    pass_time(till, 40)
    with till.sandbox.store.read() as tx:
        assert len([charge for charge in tx.select("charge") if charge["status"] == "succeeded"]) == 1


def test_an_outage_longer_than_a_jobs_patience_ends_it_all_the_same_and_gives_back_what_was_taken(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    mend = moody(till, lambda method, url: "slow")
    leave(user)
    for _ in range(12):
        work(3)
    assert end_of(user).done_at is None
    assert end_of(user).tries >= 8
    assert any(check.wrong and "Deleted accounts" in check.name for check in checks_here())
    till.sandbox.advance(32 * 24 * 3600)
    clock.shift(clock._offset.get() + 32 * 24 * HOUR)
    work()
    mend()
    work(2)
    till.deliver()
    end = end_of(user)
    assert end.done_at is not None
    assert end.refunded_cents == 490
    assert "paid after they left, given back" in end.proof
    paid = db.session().execute(select(Payment.amount_cents, Payment.refunded_cents).order_by(Payment.paid_at)).all()
    assert [tuple(row) for row in paid] == [(490, 0), (490, 490)]
    assert not any(check.wrong and "Deleted accounts" in check.name for check in checks_here())


@pytest.mark.once
def test_a_customer_that_stripe_no_longer_knows_has_nothing_to_end(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    moody(till, lambda method, url: "missing")
    leave(user)
    work()
    end = end_of(user)
    assert end.done_at is not None
    assert "Nothing is left to be paid" in end.proof


@pytest.mark.once
def test_a_subscription_that_is_gone_counts_as_ended(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    from blueprints.membership.gateway import gateway

    gateway().cancel_subscription(till.subscriptions()[0]["id"])
    moody(till, on_cancelling("missing"))
    leave(user)
    work()
    assert end_of(user).done_at is not None


@pytest.mark.once
def test_what_was_being_paid_is_closed_first(till: Till) -> None:
    user, browser = till.reader()
    checkout = till.press(browser)
    leave(user)
    till.deliver()
    assert end_of(user).done_at is not None
    from urllib.parse import urlsplit

    from tests.browser import Browser

    assert Browser(till.app).http.get(urlsplit(checkout).path).status_code == 410
    assert till.subscriptions() == []


def test_what_was_paid_at_the_same_moment_is_ended_and_proven_anew(till: Till) -> None:
    user, browser = till.reader()
    checkout = till.press(browser)
    back = till.pay(checkout)
    leave(user)
    assert back
    till.deliver()
    assert [item["status"] for item in till.subscriptions()] == ["canceled"]
    assert end_of(user).done_at is not None
    assert "canceled" in end_of(user).proof


# Thinking better of it within the week


def asks_and_takes_back(till: Till, *, is_done_between: bool) -> tuple[User, Browser, str]:
    user, browser = till.reader(password=PASSWORD)
    till.join(browser)
    assert browser.post("/account/delete", {"words": "keep", "password": PASSWORD}).status_code == 303
    if is_done_between:
        till.deliver()
    page = text_of(browser.follow(browser.post("/account/delete/take-back")))
    till.deliver()
    return user, browser, page


@pytest.mark.once
def test_whoever_keeps_the_account_hears_that_the_membership_still_ends_and_can_stay(till: Till) -> None:
    user, browser, page = asks_and_takes_back(till, is_done_between=True)
    state = till.state(user)
    assert state is not None
    assert state.cancel_at is not None
    assert f"Your account stays. Your membership is still cancelled and ends on {date(state.cancel_at)}" in page
    assert page.index("It goes on as before: $4.90") < page.index("Stay a member")
    browser.post("/account/membership/resume")
    till.deliver()
    after = till.state(user)
    assert after is not None
    assert not after.is_ending


@pytest.mark.once
def test_a_membership_that_was_not_stopped_yet_goes_on_with_the_account(till: Till) -> None:
    user, _, page = asks_and_takes_back(till, is_done_between=False)
    assert "Your account stays." in page
    assert "still cancelled" not in page
    state = till.state(user)
    assert state is not None
    assert not state.is_ending
