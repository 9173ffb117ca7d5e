"""Another plan: what it costs is shown first and is what is charged; what gives less waits; nothing is charged twice."""

import re
from typing import Any

import pytest
from sqlalchemy import select

from blueprints.membership import switching
from core.db import db
from models.consent import Consent
from models.membership import Payment
from models.user import User
from tests.browser import Browser, text_of
from tests.membership.conftest import Till
from tests.membership.test_own_page import pass_time


def joined(till: Till, price: str = "vip-month", card: str = "works") -> tuple[User, Browser]:
    user, browser = till.reader()
    till.come_back(browser, till.pay(till.press(browser, price), card))
    till.deliver()
    return user, browser


def shown(browser: Browser, price: str) -> tuple[str, dict[str, str]]:
    """The page of a switch: its words, and what its form sends."""
    page = browser.get(f"/account/membership/switch/{price}")
    assert page.status_code == 200, text_of(page)
    text = page.get_data(as_text=True)
    form = text[text.index(f'action="/account/membership/switch/{price}"'):]
    return text_of(page), dict(re.findall(r'name="(amount|at)" value="([^"]*)"', form))


def paid(user: User) -> list[int]:
    rows = select(Payment.amount_cents).order_by(Payment.paid_at, Payment.id)
    return list(db.session().scalars(rows))


def test_the_choice_names_what_happens_at_once_and_what_later(till: Till) -> None:
    _, browser = joined(till)
    page = text_of(browser.get("/account/membership/switch"))
    assert "VIP Gold, $9.90 a month At once." in page
    assert "VIP, $49.00 a year At once." in page
    assert "Look at VIP by the month" not in page


@pytest.mark.once
def test_a_higher_plan_is_charged_exactly_what_was_shown(till: Till) -> None:
    user, browser = joined(till)
    pass_time(till, 10)
    words, form = shown(browser, "gold-month")
    amount = int(form["amount"])
    assert 0 < amount < 990 - 490 + 1
    assert f"${amount / 100:.2f} today" in words
    assert paid(user) == [490]
    done = browser.post("/account/membership/switch/gold-month", form)
    assert done.status_code == 303
    till.deliver()
    assert "You have VIP Gold." in text_of(browser.follow(done))
    assert paid(user) == [490, amount]
    assert till.live(user) == ["gold"]
    assert till.mails(user).count("membership.switched") == 1
    kept = db.session().scalars(select(Consent).where(Consent.kind == "switch")).one()
    assert f"${amount / 100:.2f} today" in kept.shown


@pytest.mark.once
def test_nothing_is_charged_that_was_not_shown(till: Till) -> None:
    user, browser = joined(till)
    _, form = shown(browser, "gold-month")
    for wrong in ({}, {**form, "amount": "1"}, {**form, "at": "2020-01-01T00:00:00+00:00"}, {**form, "at": "soon"}):
        answer = browser.post("/account/membership/switch/gold-month", wrong)
        assert answer.status_code == 409
        assert "The amount has changed" in text_of(answer)
    assert paid(user) == [490]
    assert till.live(user) == ["vip"]


def test_a_switch_pressed_twice_is_charged_once(till: Till) -> None:
    user, browser = joined(till)
    _, form = shown(browser, "gold-month")
    first = browser.post("/account/membership/switch/gold-month", form)
    second = browser.post("/account/membership/switch/gold-month", form)
    assert (first.status_code, second.status_code) == (303, 404)
    till.deliver()
    assert len(paid(user)) == 2


@pytest.mark.once
def test_a_card_that_is_declined_leaves_everything_as_it_was(till: Till) -> None:
    user, browser = joined(till)
    with till.sandbox.store.write() as tx:
        method = tx.select("payment_method")[0]
        method["_card"] = "declined"
        tx.save(method)
    _, form = shown(browser, "gold-month")
    answer = browser.post("/account/membership/switch/gold-month", form)
    assert answer.status_code == 402
    assert "nothing was changed" in text_of(answer)
    till.deliver()
    assert till.live(user) == ["vip"]
    assert paid(user) == [490]


@pytest.mark.once
def test_a_lower_plan_waits_for_the_end_of_the_period_and_can_be_dropped(till: Till) -> None:
    user, browser = joined(till, "gold-month")
    words, form = shown(browser, "vip-month")
    assert "Nothing is charged today" in words
    assert form == {}
    assert browser.post("/account/membership/switch/vip-month").status_code == 303
    till.deliver()
    page = text_of(browser.get("/account/membership"))
    assert re.search(r"From \d+ \w+ \d{4} VIP, \$4\.90 a month", page)
    assert till.live(user) == ["gold"]
    assert browser.post("/account/membership/keep").status_code == 303
    till.deliver()
    assert "Keep VIP Gold" not in text_of(browser.get("/account/membership"))
    pass_time(till, 32)
    assert till.live(user) == ["gold"]


def test_a_lower_plan_begins_with_the_next_period(till: Till) -> None:
    user, browser = joined(till, "gold-month")
    browser.post("/account/membership/switch/vip-month")
    till.deliver()
    pass_time(till, 32)
    assert till.live(user) == ["vip"]
    assert paid(user) == [990, 490]
    assert till.mails(user).count("membership.switched") == 1


def test_a_membership_with_a_waiting_change_can_be_cancelled(till: Till) -> None:
    user, browser = joined(till, "gold-month")
    browser.post("/account/membership/switch/vip-month")
    till.deliver()
    assert browser.post("/account/membership/cancel", {"sure": "yes"}).status_code == 303
    till.deliver()
    assert "Cancelled: ends on" in text_of(browser.get("/account/membership"))
    pass_time(till, 32)
    assert till.live(user) == []
    assert paid(user) == [990]


@pytest.mark.once
def test_who_is_leaving_or_owes_cannot_switch(till: Till) -> None:
    _, browser = joined(till)
    browser.post("/account/membership/cancel", {"sure": "yes"})
    till.deliver()
    assert browser.get("/account/membership/switch/gold-month").status_code == 409
    assert browser.post("/account/membership/switch/gold-month").status_code == 409


@pytest.mark.once
def test_an_outage_changes_nothing_and_says_so(till: Till, stripe_down: Any) -> None:
    user, browser = joined(till)
    _, form = shown(browser, "gold-month")
    stripe_down()
    answer = browser.post("/account/membership/switch/gold-month", form)
    assert answer.status_code == 503
    assert "nothing was changed" in text_of(answer)
    assert till.live(user) == ["vip"]


@pytest.mark.once
def test_a_foreign_price_is_not_to_be_had(till: Till) -> None:
    user, browser = joined(till)
    assert browser.get("/account/membership/switch/nothing-like-it").status_code == 404
    assert switching.options(till.state(user)) != []  # type: ignore[arg-type]
    _, other = till.reader()
    assert other.get("/account/membership/switch/gold-month").status_code == 404
