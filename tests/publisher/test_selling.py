"""Plans, prices, free days and promotion codes: set here, known at Stripe, and what readers are offered."""

import re
from typing import Any

import pytest
from sqlalchemy import select

from core.db import db
from jobs.worker import run_all
from models.membership import Payment, Plan, Price, PromoCode
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_user
from tests.membership.conftest import Till, real_time, till  # noqa: F401
from tests.membership.test_own_page import pass_time


@pytest.fixture
def publisher(till: Till) -> Browser:  # noqa: F811
    return Browser(till.app).sign_in(make_user(roles=("publisher",)))


def at_stripe(till: Till, kind: str) -> list[dict[str, Any]]:  # noqa: F811
    with till.sandbox.store.read() as tx:
        return list(tx.select(kind))


def on_sale(plan: str) -> list[tuple[int, str, str]]:
    rows = select(Price.amount_cents, Price.currency, Price.interval).join(Plan, Plan.id == Price.plan_id)
    return [tuple(row) for row in db.session().execute(rows.where(Plan.key == plan, Price.active).order_by(Price.id))]


def paid() -> list[int]:
    return list(db.session().scalars(select(Payment.amount_cents).order_by(Payment.paid_at, Payment.id)))


def code(publisher: Browser, **values: str) -> None:
    form = {"code": "spring-27", "kind": "percent", "worth": "50", "duration": "once", "currency": "usd", "plan": ""}
    answer = publisher.post("/publisher/promotions", form | values)
    assert answer.status_code == 303, text_of(answer)
    run_all()


def test_a_plan_is_made_priced_bought_and_known_at_stripe(till: Till, publisher: Browser) -> None:  # noqa: F811
    made = publisher.post("/publisher/plans/new", {"name": "Patron of the Paper"})
    assert made.headers["Location"] == "/publisher/plans/patron-of-the-paper/prices"
    assert "Patron of the Paper" not in text_of(Browser(till.app).get("/join"))
    publisher.post("/publisher/plans/patron-of-the-paper/prices", {"amount": "25,00", "currency": "eur", "interval": "year"})
    run_all()
    assert "Join Patron of the Paper for €25.00 a year" in text_of(Browser(till.app).get("/join"))
    assert [one["name"] for one in at_stripe(till, "product")].count("Patron of the Paper") == 1
    assert any(one["unit_amount"] == 2500 and one["currency"] == "eur" for one in at_stripe(till, "price"))
    user, browser = till.reader()
    till.join(browser, db.session().scalars(select(Price.key).where(Price.currency == "eur")).one())
    assert till.live(user) == ["patron-of-the-paper"]


def test_a_new_amount_takes_the_place_of_the_old_and_members_keep_theirs(till: Till, publisher: Browser) -> None:  # noqa: F811
    user, browser = till.reader()
    till.join(browser)
    publisher.post("/publisher/plans/vip/prices", {"amount": "6.90", "currency": "usd", "interval": "month"})
    run_all()
    assert (690, "usd", "month") in on_sale("vip")
    assert (490, "usd", "month") not in on_sale("vip")
    assert [one["active"] for one in at_stripe(till, "price") if one["unit_amount"] == 490] == [False]
    page = text_of(publisher.get("/publisher/plans/vip/prices"))
    assert re.search(r"\$4\.90 a month – 1 No longer sold", page)
    pass_time(till, 32)
    assert paid() == [490, 490]
    assert till.live(user) == ["vip"]


@pytest.mark.once
@pytest.mark.parametrize(("field", "value", "sentence"), [
    ("amount", "lots", "Please give an amount such as 4.90."), ("amount", "0.10", "too small"),
    ("amount", "4.90", "exactly this price already"), ("currency", "xyz", "Please choose one of these."),
    ("interval", "day", "Please choose one of these."), ("trial_days", "400", "A trial lasts from 1 to 90 days."),
])  # fmt: skip
def test_a_wrong_price_is_said_and_kept(publisher: Browser, field: str, value: str, sentence: str) -> None:
    form = {"amount": "7.90", "currency": "usd", "interval": "month", "trial_days": ""} | {field: value}
    answer = publisher.post("/publisher/plans/vip/prices", form)
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    if field != "interval" and field != "currency":
        assert f'value="{value}"' in answer.get_data(as_text=True)


@pytest.mark.once
def test_free_days_come_first_for_a_first_membership_only(till: Till, publisher: Browser) -> None:  # noqa: F811
    form = {"amount": "4.90", "currency": "usd", "interval": "month", "trial_days": "14"}
    assert publisher.post("/publisher/plans/vip/prices", form).status_code == 303
    run_all()
    key = db.session().scalars(select(Price.key).where(Price.trial_days == 14)).one()
    user, browser = till.reader()
    page = text_of(browser.get("/join"))
    assert "Nothing for 14 days. Then, from" in page
    till.join(browser, key)
    assert paid() == []
    assert till.live(user) == ["vip"]
    assert "On trial: free until" in text_of(browser.get("/account/membership"))
    pass_time(till, 15)
    assert paid() == [490]
    browser.post("/account/membership/cancel", {"sure": "yes"})
    till.deliver()
    pass_time(till, 32)
    assert till.live(user) == []
    browser.sign_in(user)  # the session has run out meanwhile
    assert "Nothing for 14 days" not in text_of(browser.get("/join"))


@pytest.mark.once
def test_a_code_lowers_the_first_payment_as_shown_and_no_other(till: Till, publisher: Browser) -> None:  # noqa: F811
    code(publisher)
    _, browser = till.reader()
    page = text_of(browser.get("/join?code=spring-27"))
    assert "50 % off the first payment" in page
    assert "$2.45 today with the code SPRING-27, and after that $4.90 every month until you cancel." in page
    answer = browser.post("/join/checkout", {"price": "vip-month", "code": "SPRING-27"})
    till.come_back(browser, till.pay(str(answer.headers["Location"])))
    till.deliver()
    pass_time(till, 32)
    assert paid() == [245, 490]
    assert "1" in text_of(publisher.get("/publisher/promotions"))


@pytest.mark.once
def test_a_code_of_one_plan_works_there(till: Till, publisher: Browser) -> None:  # noqa: F811
    code(publisher, plan="gold", kind="amount", worth="3.00", duration="forever")
    _, browser = till.reader()
    answer = browser.post("/join/checkout", {"price": "gold-month", "code": "SPRING-27"})
    till.come_back(browser, till.pay(str(answer.headers["Location"])))
    till.deliver()
    pass_time(till, 32)
    assert paid() == [690, 690]


@pytest.mark.once
def test_choosing_with_and_without_a_code_leaves_one_open_checkout(till: Till, publisher: Browser) -> None:  # noqa: F811
    code(publisher)
    _, browser = till.reader()
    first = till.press(browser)
    again = str(browser.post("/join/checkout", {"price": "vip-month", "code": "SPRING-27"}).headers["Location"])
    assert first != again
    states = sorted(one["status"] for one in at_stripe(till, "checkout.session"))
    assert states == ["expired", "open"]


@pytest.mark.once
@pytest.mark.parametrize(("given", "sentence"), [
    ({}, "We do not know this code"), ({"plan": "gold"}, "is not for this price"),
    ({"kind": "amount", "worth": "1.00", "currency": "eur"}, "is not for this price"),
])  # fmt: skip
def test_a_code_that_does_not_fit_gives_its_reason(till: Till, publisher: Browser, given: dict[str, str], sentence: str) -> None:  # noqa: F811
    if given:
        code(publisher, **given)
    _, browser = till.reader()
    answer = browser.post("/join/checkout", {"price": "vip-month", "code": "SPRING-27"})
    assert answer.status_code == 422
    assert sentence in text_of(answer)


def test_a_code_ends_by_its_day_by_being_retired_and_for_who_was_a_member(till: Till, publisher: Browser) -> None:  # noqa: F811
    code(publisher, first_time_only="y", last_day="2028-01-31")
    user, browser = till.reader()
    till.join(browser)
    browser.post("/account/membership/cancel", {"sure": "yes"})
    till.deliver()
    pass_time(till, 32)
    assert "is for a first membership" in text_of(browser.get("/join?code=SPRING-27"))
    promo = db.session().scalars(select(PromoCode)).one()
    assert publisher.post(f"/publisher/promotions/{promo.id}/retire").status_code == 303
    run_all()
    assert "is no longer taken" in text_of(Browser(till.app).get("/join?code=SPRING-27"))
    assert at_stripe(till, "promotion_code")[0]["active"] is False
    assert till.live(user) == []


@pytest.mark.once
@pytest.mark.parametrize(("field", "value"), [
    ("code", "x"), ("code", "ü-code"), ("worth", "101"), ("worth", "0"), ("duration", "always"), ("kind", "none"),
    ("plan", "nothing"), ("last_day", "2001-01-01"), ("most_redemptions", "many"),
])  # fmt: skip
def test_a_wrong_code_is_refused(publisher: Browser, field: str, value: str) -> None:
    form = {"code": "AUTUMN", "kind": "percent", "worth": "20", "duration": "once", "currency": "usd"} | {field: value}
    assert publisher.post("/publisher/promotions", form).status_code == 422
    assert db.session().scalars(select(PromoCode)).all() == []


def test_what_a_plan_grants_holds_at_once(till: Till, publisher: Browser) -> None:  # noqa: F811
    user, browser = till.reader()
    till.join(browser)
    assert browser.post("/articles/the-new-bridge/comments", {"body": "First words"}).status_code == 303
    answer = publisher.post("/publisher/plans/vip/grants", {"grants_reading": "y", "ad_free": "y", "share_links": "5"})
    assert answer.status_code == 303
    page = browser.get("/articles/the-new-bridge").get_data(as_text=True)
    assert "data-ad-free" in page
    refused = browser.post("/articles/the-new-bridge/comments", {"body": "Second words"})
    assert "/join" in refused.headers["Location"]
    assert isinstance(user, User)


@pytest.mark.once
def test_a_plan_that_is_sold_no_longer_stays_with_who_has_it(till: Till, publisher: Browser) -> None:  # noqa: F811
    user, browser = till.reader()
    till.join(browser)
    assert publisher.post("/publisher/plans/vip/stop").status_code == 303
    assert "Join VIP for" not in text_of(Browser(till.app).get("/join"))
    pass_time(till, 32)
    assert till.live(user) == ["vip"]
