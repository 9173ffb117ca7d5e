"""A reader's own membership: state, cancelling, staying, the card, and what happens when Stripe is down."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from core import clock
from core.db import db
from core.rendering import date
from models.membership import Payment
from models.notification import Mail
from tests.browser import Browser, text_of
from tests.factories import make_entitlement, make_plan
from tests.membership.conftest import Till

DAY = 24 * 3600


def pass_time(till: Till, days: float) -> None:
    """Let days go by for Stripe and for us."""
    till.sandbox.advance(int(days * DAY))
    clock.shift(timedelta(seconds=till.sandbox.now()) - timedelta(seconds=int(clock.now().timestamp())) + clock._offset.get())
    till.deliver()


def test_a_guest_is_led_to_sign_in(till: Till, client: Browser) -> None:
    answer = client.get("/account/membership")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in?next=")


def test_somebody_without_a_plan_is_shown_the_way(till: Till) -> None:
    _, browser = till.reader()
    page = text_of(browser.get("/account/membership"))
    assert "You are not a member" in page
    assert browser.post("/account/membership/resume").status_code == 404
    assert browser.post("/account/membership/card").status_code == 404
    assert browser.post("/account/membership/cancel", {"sure": "yes"}).status_code == 404


@pytest.mark.once
def test_the_page_shows_plan_state_next_payment_and_payments(till: Till) -> None:
    _, browser = till.reader()
    till.join(browser, "gold-year")
    page = text_of(browser.get("/account/membership"))
    assert "VIP Gold, $99.00 a year" in page
    assert "In force" in page
    assert "Next payment $99.00 on" in page
    assert re.search(r"VIP Gold, next payment on \d+ \w+ \d{4}\.", text_of(browser.get("/account")))
    assert "Payments" in page
    assert "Change card, see invoices" in page


def test_a_gift_is_shown_without_payment(till: Till) -> None:
    user, browser = till.reader()
    make_entitlement(user, make_plan("vip"), source="gift")
    assert "A gift to you" in text_of(browser.get("/account/membership"))


def test_cancelling_takes_two_presses_and_keeps_what_was_paid(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    assert "Cancel membership" in text_of(browser.get("/account/membership"))
    question = browser.post("/account/membership/cancel")
    assert question.status_code == 200
    assert "Cancel now" in text_of(question)
    assert till.subscriptions()[0]["cancel_at"] is None
    done = browser.post("/account/membership/cancel", {"sure": "yes"})
    assert done.status_code == 303
    page = text_of(browser.follow(done))
    assert "Cancelled: ends on" in page
    assert "Next payment" not in page
    assert till.live(user) == ["vip"]
    assert till.entitlements(user)[0].ends_at is not None


@pytest.mark.once
def test_a_cancelled_membership_ends_with_its_period(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    browser.post("/account/membership/cancel", {"sure": "yes"})
    till.deliver()
    pass_time(till, 20)
    assert till.live(user) == ["vip"]
    pass_time(till, 15)
    assert till.live(user) == []
    assert till.memberships(user)[0].ended_at is not None
    assert till.mails(user) == ["membership.welcome", "membership.cancelled", "membership.ended"]
    assert till.state(user) is None
    assert "See the plans" in text_of(browser.get("/account/membership"))


@pytest.mark.once
def test_each_cancellation_is_confirmed_by_one_mail_that_names_the_day(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    browser.post("/account/membership/cancel", {"sure": "yes"})
    till.deliver()
    ends_at = till.entitlements(user)[0].ends_at
    assert ends_at is not None
    assert till.mails(user) == ["membership.welcome", "membership.cancelled"]
    mail = db.session().scalars(select(Mail).where(Mail.kind == "membership.cancelled")).one()
    assert f"It ends on {date(ends_at)}" in mail.text
    browser.post("/account/membership/resume")
    pass_time(till, 1)
    browser.post("/account/membership/cancel", {"sure": "yes"})
    till.deliver()
    assert till.mails(user)[1:] == ["membership.cancelled"] * 2


@pytest.mark.once
def test_staying_takes_the_cancellation_back(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    browser.post("/account/membership/cancel", {"sure": "yes"})
    answer = browser.post("/account/membership/resume")
    assert "goes on as before" in text_of(browser.follow(answer))
    assert till.entitlements(user)[0].ends_at is None
    pass_time(till, 35)
    assert till.live(user) == ["vip"]
    assert till.count(Payment) == 2


@pytest.mark.once
def test_a_cancellation_in_the_portal_counts_and_can_be_taken_back_here(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    portal = browser.post("/account/membership/card").headers["Location"]
    path = urlsplit(portal).path
    subscription = till.subscriptions()[0]["id"]
    at_stripe = Browser(till.app).http
    assert at_stripe.get(path).status_code == 200
    assert at_stripe.post(f"{path}/cancel/{subscription}", data={}).status_code == 303
    till.deliver()
    assert till.subscriptions()[0]["cancel_at_period_end"] is False
    assert till.entitlements(user)[0].ends_at is not None
    assert "Cancelled: ends on" in text_of(browser.get("/account/membership"))
    browser.post("/account/membership/resume")
    assert till.subscriptions()[0]["cancel_at"] is None
    assert till.entitlements(user)[0].ends_at is None


def test_coming_back_from_the_portal_shows_the_change_at_once(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    portal = browser.post("/account/membership/card").headers["Location"]
    Browser(till.app).http.post(f"{urlsplit(portal).path}/cancel/{till.subscriptions()[0]['id']}", data={})
    assert browser.get("/account/membership/back").status_code == 303
    assert till.entitlements(user)[0].ends_at is not None


def test_a_failed_renewal_keeps_access_for_the_grace_period(till: Till) -> None:
    user, browser = till.reader()
    till.come_back(browser, till.pay(till.press(browser), "fails-later"))
    till.deliver()
    pass_time(till, 32)
    state = till.state(user)
    assert state is not None
    assert state.status == "past_due"
    assert state.has_access
    assert till.live(user) == ["vip"]
    assert "membership.past-due" in till.mails(user)
    assert "A payment did not go through" in text_of(browser.get("/account/membership"))
    page = text_of(browser.get("/join"))
    assert "Your card needs a look" in page
    assert "Change card" in page
    assert browser.post("/join/checkout", {"price": "vip-month"}).status_code == 409
    pass_time(till, 7)
    assert till.live(user) == []
    assert till.mails(user).count("membership.past-due") == 1


@pytest.mark.once
def test_signing_in_with_a_missing_payment_says_so(till: Till) -> None:
    from tests.accounts.mailbox import PASSWORD

    user, browser = till.reader(password=PASSWORD)
    till.come_back(browser, till.pay(till.press(browser), "fails-later"))
    till.deliver()
    pass_time(till, 32)
    fresh = Browser(till.app)
    done = fresh.post("/sign-in", {"email": user.email, "password": PASSWORD, "next": "/account/membership"})
    assert done.status_code == 303
    assert "A payment for your membership did not go through." in text_of(fresh.follow(done))


def test_cancelling_what_is_owed_ends_at_once(till: Till) -> None:
    user, browser = till.reader()
    till.come_back(browser, till.pay(till.press(browser), "fails-later"))
    till.deliver()
    pass_time(till, 32)
    assert "It ends at once" in text_of(browser.post("/account/membership/cancel"))
    browser.post("/account/membership/cancel", {"sure": "yes"})
    assert till.live(user) == []
    assert [item["status"] for item in till.subscriptions()] == ["canceled"]


@pytest.mark.once
def test_renewals_are_paid_and_listed(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    pass_time(till, 32)
    pass_time(till, 31)
    assert till.count(Payment) == 3
    assert till.live(user) == ["vip"]
    assert till.mails(user) == ["membership.welcome"]


@pytest.mark.once
def test_when_stripe_is_down_access_and_page_stand(till: Till, stripe_down: Any) -> None:
    user, browser = till.reader()
    till.join(browser)
    stripe_down()
    page = browser.get("/account/membership")
    assert page.status_code == 200
    assert "In force" in text_of(page)
    assert till.live(user) == ["vip"]
    for path in ("cancel", "resume", "card"):
        answer = browser.post(f"/account/membership/{path}", {"sure": "yes"})
        assert answer.status_code == 503, path
        assert "nothing was changed" in text_of(answer)
    assert browser.get("/account/membership/back").status_code == 303


def test_when_stripe_is_down_the_plans_say_so_and_nothing_is_lost(till: Till, stripe_down: Any) -> None:
    _, browser = till.reader()
    stripe_down()
    answer = browser.post("/join/checkout", {"price": "vip-month", "article": "the-new-bridge"})
    assert answer.status_code == 503
    assert "does not answer at the moment" in text_of(answer)
    assert "Join VIP for $4.90 a month" in text_of(answer)


def test_when_stripe_is_down_after_paying_the_page_waits(till: Till, stripe_down: Any) -> None:
    user, browser = till.reader()
    back = till.pay(till.press(browser))
    real = till.app.extensions["rejoinder_gateway"]
    stripe_down()
    answer = till.come_back(browser, back)
    assert answer.status_code == 200
    assert "Confirming your payment" in text_of(answer)
    seconds, _, following = answer.headers["Refresh"].partition("; url=")
    assert seconds == "2"
    till.app.extensions["rejoinder_gateway"] = real
    assert browser.get(following).status_code == 303
    assert till.live(user) == ["vip"]


def test_the_waiting_page_grows_patient(till: Till, stripe_down: Any) -> None:
    _, browser = till.reader()
    back = till.pay(till.press(browser))
    stripe_down()
    answer = browser.get(f"{urlsplit(back).path}?{urlsplit(back).query}&looks=16")
    assert answer.headers["Refresh"].startswith("15;")
    assert "longer than usual" in text_of(answer)


@pytest.mark.once
def test_the_page_asks_a_fixed_number_of_queries(till: Till) -> None:
    from sqlalchemy import event

    from core.db import db

    _user, browser = till.reader()
    till.join(browser)
    pass_time(till, 32)
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        browser.get("/account/membership")
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert len(seen) <= 11, len(seen)  # one of them for seats, one for a price that rises
