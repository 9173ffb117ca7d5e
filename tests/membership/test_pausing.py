"""Pausing: offered once beside a live "Cancel now", void months, no access, back by itself or earlier for what was shown."""

import re
from typing import Any

import pytest
from sqlalchemy import select

from blueprints.membership.demo import join_in_sandbox
from core.db import db
from core.rendering import date
from models.consent import Consent
from models.membership import Payment
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_site
from tests.membership.conftest import Till
from tests.membership.test_own_page import pass_time
from tests.publisher.rows import form_of, publisher_browser

CANCEL = "/account/membership/cancel"
PAUSE = "/account/membership/pause"
GO_ON = "/account/membership/go-on"


@pytest.fixture
def till(till: Till) -> Till:
    make_site(longest_pause="3")
    return till


def joined(till: Till, price: str = "vip-month", card: str = "works") -> tuple[User, Browser]:
    user, browser = till.reader()
    till.come_back(browser, till.pay(till.press(browser, price), card))
    till.deliver()
    return user, browser


def paused(till: Till, months: int = 2) -> tuple[User, Browser]:
    user, browser = joined(till)
    assert browser.post(PAUSE, {"months": str(months)}).status_code == 303
    till.deliver()
    return user, browser


def paid() -> list[int]:
    return list(db.session().scalars(select(Payment.amount_cents).order_by(Payment.paid_at)))


@pytest.mark.once
def test_the_offer_stands_once_beside_a_live_button_that_cancels(till: Till) -> None:
    _, browser = joined(till)
    page = text_of(browser.get(CANCEL))
    assert page.count("Cancel now") == 1
    assert page.count("Pause instead") == 1
    assert "nothing is charged, and you have no access to what is for members" in page
    assert browser.post(CANCEL, {"sure": "yes"}).status_code == 303
    assert "Pause instead" not in text_of(browser.get("/account/membership"))


@pytest.mark.once
def test_a_pause_voids_the_months_takes_access_and_ends_by_itself(till: Till) -> None:
    user, browser = paused(till, 2)
    assert till.live(user) == ["vip"]
    assert re.search(r"In force until \d+ \w+ \d{4}, then paused until \d+ \w+ \d{4}: no access, nothing charged", text_of(browser.get("/account/membership")))
    assert till.mails(user) == ["membership.welcome", "membership.paused"]
    kept = db.session().scalars(select(Consent).where(Consent.kind == "pause")).one()
    assert kept.shown.startswith("2 months, from ")
    pass_time(till, 29)
    assert till.live(user) == ["vip"]
    pass_time(till, 4)
    assert till.live(user) == []
    pass_time(till, 30)
    assert till.live(user) == []
    assert paid() == [490]
    assert "Paused until" in text_of(browser.get("/account/membership"))
    pass_time(till, 32)
    assert till.live(user) == ["vip"]
    assert paid() == [490, 490]
    assert till.mails(user) == ["membership.welcome", "membership.paused", "membership.resumed"]
    assert len(till.memberships(user)) == 2


@pytest.mark.once
def test_going_on_before_it_began_costs_nothing(till: Till) -> None:
    user, browser = paused(till)
    assert "The pause has not begun" in text_of(browser.get(GO_ON))
    assert browser.post(GO_ON).status_code == 303
    pass_time(till, 32)
    assert paid() == [490, 490]
    assert till.live(user) == ["vip"]
    assert "membership.resumed" not in till.mails(user)


@pytest.mark.once
def test_going_on_in_the_middle_costs_what_was_shown_and_begins_a_month(till: Till) -> None:
    user, browser = paused(till, 3)
    pass_time(till, 40)
    page = browser.get(GO_ON)
    assert "$4.90 today for a month from today" in text_of(page)
    assert browser.post(GO_ON).status_code == 409
    assert browser.post(GO_ON, {"amount": "1"}).status_code == 409
    assert paid() == [490]
    assert browser.post(GO_ON, {"amount": "490"}).status_code == 303
    assert browser.post(GO_ON, {"amount": "490"}).status_code == 404
    till.deliver()
    assert paid() == [490, 490]
    assert till.live(user) == ["vip"]
    pass_time(till, 20)
    assert (paid(), till.live(user)) == ([490, 490], ["vip"])
    pass_time(till, 12)
    assert paid() == [490, 490, 490]


@pytest.mark.once
def test_a_card_that_is_declined_leaves_it_paused(till: Till) -> None:
    user, browser = paused(till)
    pass_time(till, 40)
    with till.sandbox.store.write() as tx:
        method = tx.select("payment_method")[0]
        method["_card"] = "declined"
        tx.save(method)
    answer = browser.post(GO_ON, {"amount": "490"})
    assert answer.status_code == 402
    assert "nothing was changed" in text_of(answer)
    till.deliver()
    assert till.live(user) == []
    assert "Paused until" in text_of(browser.get("/account/membership"))


def test_a_paused_membership_is_cancelled_in_the_same_two_presses_without_another_offer(till: Till) -> None:
    user, browser = paused(till)
    pass_time(till, 40)
    page = text_of(browser.post(CANCEL))
    assert "Cancel now" in page
    assert "Pause instead" not in page
    assert browser.post(CANCEL, {"sure": "yes"}).status_code == 303
    pass_time(till, 60)
    assert till.live(user) == []
    assert paid() == [490]
    assert till.state(user) is None


@pytest.mark.parametrize("days", [0, 40], ids=["before it began", "in the middle"])
def test_staying_after_cancelling_a_pause_says_that_the_pause_stays_and_so_it_does(till: Till, days: int) -> None:
    user, browser = paused(till, 3)
    if days:
        pass_time(till, days)
    before = till.state(user)
    assert before is not None
    assert before.resumes_at is not None
    browser.post(CANCEL, {"sure": "yes"})
    till.deliver()
    until = date(before.resumes_at)
    terms = f"stays until {until}: no access, nothing charged. After it your membership goes on by itself: $4.90 every month."
    page = text_of(browser.get("/account/membership"))
    assert terms in page
    assert ("You keep everything until" in page) is (days == 0)
    assert "It goes on as before" not in page
    assert f"You stay a member. {'You keep' if not days else 'The pause'}" in text_of(browser.follow(browser.post("/account/membership/resume")))
    till.deliver()
    after = till.state(user)
    assert after is not None
    assert (after.is_ending, after.is_paused, after.resumes_at) == (False, True, before.resumes_at)
    kept = db.session().scalars(select(Consent.shown).where(Consent.kind == "resume")).one()
    assert terms in kept.replace("\n", " ")
    pass_time(till, 85 - days)
    assert (paid(), till.live(user)) == ([490], [])
    pass_time(till, 60)
    assert paid()[:2] == [490, 490]
    assert till.live(user) == ["vip"]


@pytest.mark.once
@pytest.mark.parametrize("months", ["0", "4", "-1", "", "many"])
def test_only_what_is_offered_can_be_chosen(till: Till, months: str) -> None:
    _, browser = joined(till)
    answer = browser.post(PAUSE, {"months": months})
    assert answer.status_code == 422
    assert "Please choose how long" in text_of(answer)
    assert till.subscriptions()[0]["pause_collection"] is None


@pytest.mark.once
def test_a_paper_that_allows_no_pause_offers_none(till: Till) -> None:
    make_site(longest_pause="0")
    _, browser = joined(till)
    assert "Pause instead" not in text_of(browser.get(CANCEL))
    assert browser.post(PAUSE, {"months": "1"}).status_code == 409


@pytest.mark.once
def test_a_year_that_is_paid_does_not_pause(till: Till) -> None:
    _, browser = joined(till, "vip-year")
    assert "Pause instead" not in text_of(browser.get(CANCEL))
    assert browser.post(PAUSE, {"months": "1"}).status_code == 409


@pytest.mark.once
def test_a_pause_is_taken_once(till: Till) -> None:
    _, browser = paused(till)
    assert browser.post(PAUSE, {"months": "3"}).status_code == 409
    assert browser.get("/account/membership/switch/gold-month").status_code == 409


@pytest.mark.once
def test_an_outage_changes_nothing_and_says_so(till: Till, stripe_down: Any) -> None:
    user, browser = joined(till)
    stripe_down()
    answer = browser.post(PAUSE, {"months": "1"})
    assert answer.status_code == 503
    assert "nothing was changed" in text_of(answer)
    assert till.live(user) == ["vip"]


def test_cancelling_and_staying_are_kept_as_agreed_to(till: Till) -> None:
    _, browser = joined(till)
    browser.post(CANCEL, {"sure": "yes"})
    till.deliver()
    browser.post("/account/membership/resume")
    kinds = list(db.session().scalars(select(Consent.kind).order_by(Consent.id)))
    assert kinds == ["join", "cancel", "resume"]
    page = text_of(browser.get("/account/membership/agreements"))
    assert "Nothing will be charged after today." in page
    assert "$4.90 on" in page


def test_a_member_whose_purchase_left_no_words_is_not_told_to_have_agreed_to_nothing(till: Till) -> None:
    user, browser = till.reader()
    join_in_sandbox(user.id, "vip-month")
    assert till.live(user) == ["vip"]
    page = text_of(browser.get("/account/membership/agreements"))
    assert "Nothing was recorded here" in page
    assert "A membership that came to you in another way, or before that, has no entry." in page
    assert "You have not agreed" not in page


def test_a_gift_taken_in_a_pause_begins_at_once_and_the_pause_ends_the_membership(till: Till) -> None:
    from tests.membership.test_gifts import link_in_mail, press, spans

    user, browser = paused(till, 3)
    pass_time(till, 40)
    _, giving = till.reader()
    till.come_back(giving, till.pay(press(giving)))
    till.deliver()
    browser = Browser(till.app).sign_in(user)
    words = text_of(browser.get(link_in_mail()))
    assert "is not charged again" in words
    browser.post(link_in_mail())
    till.deliver()
    gift = next(span for span in spans(user) if span[0] == "gift")
    assert f"until {gift[2].day} {gift[2]:%B %Y}" in words
    pass_time(till, 70)
    assert paid() == [490]


def test_the_publisher_says_whether_and_how_long_members_may_pause(till: Till) -> None:
    _, office = publisher_browser(till.app)
    fields = form_of(office.get("/publisher/site"))
    assert fields["longest_pause"] == "3"
    assert office.post("/publisher/site", fields | {"longest_pause": "9"}).status_code == 422
    assert office.post("/publisher/site", fields | {"longest_pause": "1"}).status_code == 303
    _, browser = joined(till)
    page = text_of(browser.get(CANCEL))
    assert "1 month, from" in page
    assert "2 months, from" not in page
