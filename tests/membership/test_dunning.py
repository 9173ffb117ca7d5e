"""A payment that is missing: letters once each, access for the grace, and never charged twice."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from blueprints.membership.dunning_letters import LAST_WORD, letter_for
from blueprints.membership.gateway import gateway
from blueprints.membership.policy import GRACE_PERIOD, Access
from core import clock
from core.db import db
from models.membership import Payment
from models.notification import Mail
from models.user import User
from tests.browser import Browser, text_of
from tests.membership.conftest import Till
from tests.membership.test_own_page import pass_time
from tests.membership.test_policy import SUBSCRIPTION
from tests.membership.test_sync import at_once

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LETTERS = ["membership.past-due", "membership.last-try", "membership.lost", "membership.recovered", "membership.ended"]


def failing(till: Till, card: str = "fails-later") -> tuple[User, Browser]:
    """A member whose first renewal has just failed."""
    user, browser = till.reader()
    url = till.press(browser)
    back = till.pay(url, card)
    till.come_back(browser, back)
    till.deliver()
    state = till.state(user)
    assert state is not None
    assert state.period_end_at is not None
    pass_time(till, (state.period_end_at - clock.now()) / DAY + 0.2)
    return user, browser


def letters(till: Till, user: User) -> list[str]:
    return [kind.removeprefix("membership.") for kind in till.mails(user) if kind in LETTERS]


def live(till: Till, days: float, step: float = 0.5) -> None:
    for _ in range(int(days / step)):
        pass_time(till, step)


def charged(till: Till) -> list[int]:
    with till.sandbox.store.read() as tx:
        return [item["amount"] for item in tx.select("charge") if item["status"] == "succeeded"]


def mend_card(till: Till, card: str = "works") -> None:
    with till.sandbox.store.write() as tx:
        for method in tx.select("payment_method"):
            method["_card"] = card
            tx.save(method)


@pytest.mark.parametrize(
    ("before", "status", "since", "access", "letter"),
    [
        ("active", "past_due", NOW, Access(True, NOW + GRACE_PERIOD), "past-due"),
        (None, "past_due", NOW, Access(True, NOW + GRACE_PERIOD), "past-due"),
        ("past_due", "past_due", NOW - DAY, Access(True, NOW + 6 * DAY), None),
        ("past_due", "past_due", NOW - GRACE_PERIOD + LAST_WORD, Access(True, NOW + LAST_WORD), "last-try"),
        ("past_due", "past_due", NOW - GRACE_PERIOD, Access(True, NOW), "lost"),
        ("past_due", "unpaid", NOW - DAY, Access(False), "lost"),
        ("past_due", "active", None, Access(True), "recovered"),
        ("unpaid", "active", None, Access(True), "recovered"),
        ("active", "active", None, Access(True), None),
        ("past_due", "canceled", None, Access(False), None),
        ("incomplete", "active", None, Access(True), None),
        ("past_due", "past_due", NOW - DAY, Access(False), "lost"),
    ],
)  # fmt: skip
def test_which_letter_is_due(before: str | None, status: str, since: datetime | None, access: Access, letter: str | None) -> None:
    from dataclasses import replace

    assert letter_for(before, replace(SUBSCRIPTION, status=status), since, access, NOW) == letter


@pytest.mark.once
def test_first_failure_last_word_loss_and_end_are_told_once_each(till: Till) -> None:
    user, browser = failing(till)
    assert letters(till, user) == ["past-due"]
    assert till.live(user) == ["vip"]
    page = text_of(browser.get("/account/membership"))
    assert "You keep your membership until" in page
    assert "Your card is tried again on" in page
    live(till, 4)
    assert letters(till, user) == ["past-due"]
    live(till, 1.5)
    assert letters(till, user) == ["past-due", "last-try"]
    assert till.live(user) == ["vip"]
    live(till, 2)
    assert till.live(user) == []
    assert letters(till, user) == ["past-due", "last-try", "lost"]
    assert "On hold: the last payment did not go through." in text_of(browser.get("/account/membership"))
    live(till, 10)
    assert till.subscriptions()[0]["status"] == "canceled"
    assert letters(till, user) == ["past-due", "last-try", "lost", "ended"]
    assert len(charged(till)) == 1
    last = db.session().scalars(select(Mail).where(Mail.kind == "membership.ended")).one()
    assert "tried for the last time" in " ".join(last.text.split())


@pytest.mark.once
def test_letters_are_told_once_however_often_stripe_tells(till: Till) -> None:
    from blueprints.membership import sync

    user, _ = failing(till)
    live(till, 5.5)
    customer = till.customer_of(user)
    for _ in range(3):
        sync.sync_customer(customer, "again")
    shift = clock._offset.get()

    def again() -> None:
        clock.shift(shift)
        sync.sync_customer(customer, "at once")

    assert at_once(till.app, again, again, again) == []
    assert letters(till, user) == ["past-due", "last-try"]


@pytest.mark.once
@pytest.mark.parametrize("days", [2, 8])
def test_a_card_that_works_again_is_charged_once(till: Till, days: int) -> None:
    user, _ = failing(till)
    live(till, days)
    mend_card(till)
    live(till, 10)
    assert till.live(user) == ["vip"]
    assert charged(till) == [490, 490]
    assert till.count(Payment) == 2
    expected = ["past-due", "recovered"] if days == 2 else ["past-due", "last-try", "lost", "recovered"]
    assert letters(till, user) == expected
    assert till.mails(user).count("membership.welcome") == 1


@pytest.mark.once
def test_each_missing_payment_has_letters_of_its_own(till: Till) -> None:
    user, _ = failing(till)
    mend_card(till)
    live(till, 4)
    assert letters(till, user) == ["past-due", "recovered"]
    mend_card(till, "fails-later")
    state = till.state(user)
    assert state is not None
    pass_time(till, (state.period_end_at - clock.now()) / DAY + 0.2)  # type: ignore[operator]
    assert letters(till, user) == ["past-due", "recovered", "past-due"]


def test_a_press_tries_the_card_at_once_and_charges_once(till: Till) -> None:
    user, browser = failing(till)
    live(till, 8)
    assert till.live(user) == []
    browser.sign_in(user)
    mend_card(till, "insufficient-funds")
    declined = browser.post("/account/membership/pay")
    assert declined.status_code == 402
    assert "The payment did not go through" in text_of(declined)
    mend_card(till)
    pass_time(till, 0.01)
    paid = browser.post("/account/membership/pay")
    assert paid.status_code == 303
    assert "The payment has arrived" in text_of(browser.follow(paid))
    assert till.live(user) == ["vip"]
    again = browser.post("/account/membership/pay")
    assert again.status_code == 409
    live(till, 8)
    assert charged(till) == [490, 490]
    assert letters(till, user)[-1] == "recovered"


def test_presses_at_once_and_stripes_own_try_charge_once(till: Till) -> None:
    from blueprints.membership.dunning import pay_now
    from core.errors import DomainError

    user, _ = failing(till)
    mend_card(till)
    shift, who = clock._offset.get(), user.id

    def press() -> None:
        clock.shift(shift)
        pay_now(who)

    problems = at_once(till.app, press, press, press)
    assert all(isinstance(problem, DomainError) for problem in problems), problems
    assert len(problems) < 3
    live(till, 4)
    assert charged(till) == [490, 490]
    assert till.live(user) == ["vip"]


@pytest.mark.once
def test_a_bank_that_asks_each_time_is_asked_on_stripes_page(till: Till) -> None:
    user, browser = till.reader()
    url = till.pay(till.press(browser), "3d-secure-always")
    till.come_back(browser, till.at_bank(url, "complete"))
    till.deliver()
    state = till.state(user)
    assert state is not None
    pass_time(till, (state.period_end_at - clock.now()) / DAY + 0.2)  # type: ignore[operator]
    assert letters(till, user) == ["past-due"]
    answer = browser.post("/account/membership/pay")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("http://localhost/_sandbox/stripe/")


@pytest.mark.once
def test_nobody_else_pays_and_nothing_is_paid_without_a_debt(till: Till, client: Browser) -> None:
    _, browser = till.reader()
    assert browser.post("/account/membership/pay").status_code == 404
    till.join(browser)
    assert browser.post("/account/membership/pay").status_code == 409
    assert client.post("/account/membership/pay").status_code == 303


@pytest.mark.once
def test_stripe_down_while_paying_changes_nothing_and_says_so(till: Till, stripe_down: Any) -> None:
    user, browser = failing(till)
    stripe_down()
    answer = browser.post("/account/membership/pay")
    assert answer.status_code == 503
    assert "does not answer" in text_of(answer)
    assert till.live(user) == ["vip"]


def test_cancelling_while_a_payment_is_missing_ends_at_once_with_one_letter(till: Till) -> None:
    user, browser = failing(till)
    browser.post("/account/membership/cancel", {"sure": "yes"})
    till.deliver()
    live(till, 16, step=2)
    assert letters(till, user) == ["past-due", "ended"]
    assert charged(till) == [490]


@pytest.mark.parametrize("outcome", ["unpaid", "past_due", "canceled"])
def test_whatever_stripe_is_set_to_do_after_the_last_try_loss_is_told_once(till: Till, outcome: str) -> None:
    with till.sandbox.store.write() as tx:
        tx.set_setting("after_last_try", outcome)
    user, _ = failing(till)
    live(till, 20, step=1)
    assert till.subscriptions()[0]["status"] == outcome
    assert till.live(user) == []
    told = letters(till, user)
    assert told[:3] == ["past-due", "last-try", "lost"]
    assert told[3:] == (["ended"] if outcome == "canceled" else [])
    if outcome != "canceled":
        mend_card(till)
        stripe = gateway()
        invoice = next(item for item in stripe.list_invoices(till.customer_of(user)) if item.status == "open")
        stripe.pay_invoice(invoice.id, "by-hand")
        till.deliver()
        assert till.live(user) == ["vip"]
        assert letters(till, user)[-1] == "recovered"
        assert charged(till) == [490, 490]
