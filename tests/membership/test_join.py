"""Joining, from the press on a price to the entitlement."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.membership.gateway import gateway
from core.db import db
from models.membership import CheckoutAttempt
from tests.browser import Browser, text_of
from tests.factories import make_entitlement, make_plan
from tests.membership.conftest import Till


def test_a_visitor_sees_every_term_before_its_button(till: Till, client: Browser) -> None:
    answer = client.get("/join")
    words = text_of(answer)
    assert answer.status_code == 200
    first = words.index("Join VIP for $4.90 a month")
    assert words.index("$4.90 today, then $4.90 every month until you cancel.") < first
    assert words.index("Cancel any time") < first
    assert words.index("Within 14 days") < first
    for button in ("Join VIP for $49.00 a year", "Join VIP Gold for $9.90 a month", "Join VIP Gold for $99.00 a year"):
        assert button in words


def test_a_guest_signs_up_and_then_goes_on_with_the_same_choice(till: Till, client: Browser) -> None:
    answer = client.post("/join/checkout", {"price": "vip-month", "article": "the-new-bridge"})
    assert answer.status_code == 303
    expected = "/sign-up?next=%2Fjoin%2Fcheckout%3Fprice%3Dvip-month%26article%3Dthe-new-bridge"
    assert answer.headers["Location"] == expected


@pytest.mark.once
def test_joining_ends_in_the_article_with_the_right_to_write(till: Till) -> None:
    user, browser = till.reader()
    answer = till.join(browser, article="the-new-bridge")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/articles/the-new-bridge?welcome=1#composer"
    assert "You are a member now. Payments and receipts are under Membership." in text_of(browser.get(answer.headers["Location"]))
    assert till.live(user) == ["vip"]
    assert till.mails(user) == ["membership.welcome"]
    assert len(till.memberships(user)) == 1
    assert till.customers() == 1


def test_whoever_left_and_of_whom_nobody_told_us_can_join_again_at_once(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    gateway().cancel_subscription(gateway().list_subscriptions(till.customer_of(user))[0].id)
    answer = till.come_back(browser, till.pay(till.press(browser, "gold-month")))
    assert answer.status_code == 303
    assert till.live(user) == ["gold"]


@pytest.mark.once
def test_a_member_who_wants_to_join_is_refused_while_stripe_is_away_too(till: Till, stripe_down: Callable[[], None]) -> None:
    _, browser = till.reader()
    till.join(browser)
    stripe_down()
    answer = browser.post("/join/checkout", {"price": "gold-month"})
    assert answer.status_code == 409
    assert "You are a VIP member" in text_of(answer)


@pytest.mark.once
def test_the_redirect_alone_is_enough(till: Till) -> None:
    user, browser = till.reader()
    till.come_back(browser, till.pay(till.press(browser)))
    assert till.live(user) == ["vip"]


@pytest.mark.once
def test_the_webhook_alone_is_enough(till: Till) -> None:
    user, browser = till.reader()
    till.pay(till.press(browser))
    assert till.live(user) == []
    till.deliver()
    assert till.live(user) == ["vip"]
    assert till.mails(user) == ["membership.welcome"]


@pytest.mark.once
def test_the_webhook_before_the_redirect_changes_nothing(till: Till) -> None:
    user, browser = till.reader()
    back = till.pay(till.press(browser))
    till.deliver()
    assert till.come_back(browser, back).status_code == 303
    assert till.come_back(browser, back).status_code == 303
    assert len(till.entitlements(user)) == 1
    assert till.mails(user) == ["membership.welcome"]


def test_the_terms_are_kept_with_the_checkout(till: Till) -> None:
    _, browser = till.reader()
    till.press(browser, "gold-year")
    attempt = db.session().scalar(select(CheckoutAttempt))
    assert attempt is not None
    assert "$99.00 today, then $99.00 every year until you cancel." in attempt.terms
    assert attempt.expires_at is not None


def test_a_double_click_leads_to_the_same_page(till: Till) -> None:
    _, browser = till.reader()
    assert till.press(browser) == till.press(browser)
    assert till.count(CheckoutAttempt) == 1


@pytest.mark.once
def test_another_price_closes_the_first_page(till: Till) -> None:
    user, browser = till.reader()
    first = till.press(browser, "vip-month")
    second = till.press(browser, "gold-month")
    assert first != second
    assert Browser(till.app).http.get(first.removeprefix("http://localhost")).status_code == 410
    till.come_back(browser, till.pay(second))
    till.deliver()
    assert till.live(user) == ["gold"]


def test_the_back_button_leaves_the_choice_open(till: Till) -> None:
    _, browser = till.reader()
    url = till.press(browser, article="the-new-bridge")
    assert browser.get("/join?article=the-new-bridge").status_code == 200
    assert till.press(browser, article="the-new-bridge") == url


def test_looking_at_the_checkout_address_leads_back_to_the_plans(till: Till) -> None:
    _, browser = till.reader()
    answer = browser.get("/join/checkout?price=vip-month&article=the-new-bridge")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/join?article=the-new-bridge"


@pytest.mark.once
def test_an_expired_checkout_is_replaced(till: Till) -> None:
    user, browser = till.reader()
    first = till.press(browser)
    till.sandbox.advance(25 * 3600)
    second = till.press(browser)
    assert first != second
    till.come_back(browser, till.pay(second))
    assert till.live(user) == ["vip"]


@pytest.mark.once
def test_a_declined_card_leaves_nothing_behind_and_another_card_works(till: Till) -> None:
    user, browser = till.reader()
    url = till.press(browser)
    assert till.pay(url, "declined") == ""
    till.deliver()
    assert till.live(user) == []
    assert till.mails(user) == []
    till.come_back(browser, till.pay(url, "works"))
    assert till.live(user) == ["vip"]


def test_a_card_with_3d_secure_joins_after_the_bank_said_yes(till: Till) -> None:
    user, browser = till.reader()
    bank = till.pay(till.press(browser), "3d-secure")
    assert bank.endswith("/verify")
    till.come_back(browser, till.at_bank(bank, "complete"))
    assert till.live(user) == ["vip"]


def test_a_card_with_3d_secure_does_not_join_after_the_bank_said_no(till: Till) -> None:
    user, browser = till.reader()
    url = till.press(browser)
    assert urlsplit(till.at_bank(till.pay(url, "3d-secure"), "fail")).path == urlsplit(url).path
    till.deliver()
    assert till.live(user) == []


def test_coming_back_without_paying_says_so(till: Till) -> None:
    _, browser = till.reader()
    url = till.press(browser, article="the-new-bridge")
    session_id = url.rsplit("/", 1)[1]
    answer = browser.get(f"/join/complete?session_id={session_id}")
    assert answer.headers["Location"] == "/join?article=the-new-bridge"
    assert "nothing was charged" in text_of(browser.follow(answer))


@pytest.mark.once
def test_somebody_elses_payment_is_refused(till: Till) -> None:
    user, browser = till.reader()
    back = till.pay(till.press(browser))
    stranger, other = till.reader()
    assert till.come_back(other, back).status_code == 404
    till.join(other, "gold-month")
    assert till.come_back(other, back).status_code == 404
    assert till.live(stranger) == ["gold"]
    assert till.live(user) == ["vip"]


def test_strange_session_ids_are_unknown(till: Till) -> None:
    _, browser = till.reader()
    till.press(browser)
    for strange in ("", "cs_test_unknown", "sub_1", "cs_../v1/customers", "cs_" + "x" * 500, "cs_%00", "cs_test_é"):
        assert browser.get("/join/complete", query_string={"session_id": strange}).status_code == 404, strange


def test_an_unconfirmed_reader_is_asked_to_confirm_first(till: Till) -> None:
    _, browser = till.reader(confirmed=False)
    answer = browser.post("/join/checkout", {"price": "vip-month"})
    assert answer.status_code == 403
    assert "confirm your e-mail address first" in text_of(answer)


def test_an_unknown_price_is_refused(till: Till) -> None:
    _, browser = till.reader()
    for price in ("", "vip-week", "price_1234", "x" * 500):
        assert browser.post("/join/checkout", {"price": price}).status_code == 404
    assert till.customers() == 0


@pytest.mark.once
def test_a_member_sees_their_plan_and_cannot_pay_again(till: Till) -> None:
    _user, browser = till.reader()
    till.join(browser)
    page = text_of(browser.get("/join"))
    assert "You are a VIP member" in page
    assert "Join VIP for" not in page
    assert browser.post("/join/checkout", {"price": "gold-month"}).status_code == 409
    assert len(till.subscriptions()) == 1


def test_a_member_by_courtesy_may_buy_another_plan_only(till: Till) -> None:
    user, browser = till.reader()
    make_entitlement(user, make_plan("vip"))
    assert browser.post("/join/checkout", {"price": "vip-month"}).status_code == 409
    assert till.press(browser, "gold-month").startswith("http://localhost/_sandbox/stripe/pay/")


def test_two_tabs_both_paid_keep_one_and_give_the_other_back(till: Till) -> None:
    user, browser = till.reader()
    first = till.press(browser)
    with_both = till.pay(first)
    # The other tab was opened before anything was paid, by a checkout our tables have lost.
    gateway = till.app.extensions["rejoinder_gateway"]
    price = next(item["items"]["data"][0]["price"]["id"] for item in till.subscriptions())
    session = gateway.create_checkout_session(
        customer=till.customer_of(user), price=price, user_id=user.id, attempt_id=999,
        success_url="http://localhost/join/complete?session_id={CHECKOUT_SESSION_ID}",
        cancel_url="http://localhost/join", idempotency_key="second-tab",
    )
    till.pay(session.url)
    till.come_back(browser, with_both)
    till.deliver()
    running = [item for item in till.subscriptions() if item["status"] == "active"]
    assert len(running) == 1
    assert till.live(user) == ["vip"]
    assert len(till.entitlements(user)) == 1
    assert till.mails(user) == ["membership.welcome", "membership.duplicate"]
    page = text_of(browser.get("/account/membership"))
    assert "given back" in page


def test_paying_again_after_a_lost_redirect_completes_instead(till: Till) -> None:
    user, browser = till.reader()
    till.pay(till.press(browser))
    answer = browser.post("/join/checkout", {"price": "vip-month"})
    assert answer.headers["Location"].startswith("/join/complete?session_id=cs_")
    browser.follow(answer)
    assert till.live(user) == ["vip"]


def test_a_lost_form_brings_the_plans_again(till: Till) -> None:
    _, browser = till.reader()
    answer = browser.post("/join/checkout", {"price": "vip-month", "article": "the-new-bridge"}, token=False)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/join?article=the-new-bridge"


def test_an_unknown_article_is_left_out(till: Till, client: Browser) -> None:
    assert client.get("/join?article=no-such-thing").status_code == 200
    _, browser = till.reader()
    till.pay(till.press(browser, article="//evil.example"))


def test_the_plans_page_starts_no_session(till: Till, client: Browser) -> None:
    answer = client.get("/join")
    assert "Set-Cookie" not in answer.headers


def test_kept_words_are_shown(till: Till, client: Browser, app: Flask) -> None:
    from blueprints.membership.hooks import kept_words

    def words() -> str:
        return "I was there <b>first</b>"

    kept_words.append(words)
    try:
        answer = client.get("/join?article=the-new-bridge")
    finally:
        kept_words.remove(words)
    assert "Your words are kept" in text_of(answer)
    assert "I was there <b>first</b>" in text_of(answer)
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.once
def test_a_customer_deleted_at_stripe_joins_anew(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    gateway = till.app.extensions["rejoinder_gateway"]
    gateway.client.v1.customers.delete(till.customer_of(user))
    till.deliver()
    assert till.live(user) == []
    till.join(browser, "gold-month")
    assert till.live(user) == ["gold"]
    assert till.mails(user) == ["membership.welcome", "membership.ended", "membership.welcome"]


