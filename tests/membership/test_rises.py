"""A price rises: on a lawful day, told in time, paid at each own renewal, called off without a trace of the new one."""

import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.membership import rises, rises_jobs
from blueprints.membership.gateway import Unavailable, gateway
from core import clock
from core.db import db, transaction
from core.errors import Conflict
from jobs import worker
from jobs.queue import enqueue
from models.membership import Payment, Price, Subscription
from models.notification import Mail
from models.pricing import BillingNotice, PriceMove, PriceRise
from models.user import RoleGrant, User
from tests.browser import Browser, text_of
from tests.factories import make_user
from tests.membership.conftest import Till
from tests.membership.test_own_page import pass_time
from tests.membership.test_sync import at_once
from tests.membership.test_told import declared, tell, told

DAY = timedelta(days=1)


@pytest.fixture
def publisher(till: Till) -> Browser:
    """At noon, so that no test depends on the hour at which it runs."""
    noon = clock.now().replace(hour=12, minute=0, second=0) + DAY
    pass_time(till, (noon - clock.now()) / DAY)
    return sign_in_again(Browser(till.app), make_user(roles=("publisher",)))


def sign_in_again(browser: Browser, user: User | None = None) -> Browser:
    """Sign in, also where the session has run out meanwhile; the publisher when nobody is named."""
    if user is None:
        user = db.session().scalars(select(User).join(RoleGrant, RoleGrant.user_id == User.id)).one()
    return browser.sign_in(user)


def day_in(days: int) -> str:
    return (clock.now().date() + timedelta(days=days)).isoformat()


def plan(publisher: Browser, days: int = 20, amount: str = "6.90", price: str = "vip-month") -> int:
    """Plan a rise; its id."""
    answer = publisher.post(f"/publisher/plans/prices/{price}/rise", {"amount": amount, "day": day_in(days)})
    assert answer.status_code == 303, text_of(answer)
    worker.run_all()
    return int(answer.headers["Location"].rsplit("/", 1)[1])


def carry_on() -> None:
    with transaction():
        enqueue("membership.rises")
    worker.run_all()


def renewal_of(till: Till, user: User) -> datetime:
    state = till.state(user)
    assert state is not None
    assert state.period_end_at is not None
    return state.period_end_at


def live_until(till: Till, moment: datetime, step: float = 3) -> None:
    """Let time go by until then, and carry the rises on now and then."""
    while (left := (moment - clock.now()) / DAY) > 0.001:
        pass_time(till, min(step, left))
        carry_on()


def renew(till: Till, user: User) -> None:
    """Live until the renewal of this member is over."""
    at = renewal_of(till, user)
    live_until(till, at - 1.2 * DAY)
    live_until(till, at - 0.3 * DAY, 0.5)
    live_until(till, at + 0.2 * DAY, 0.5)


def paid(user: User) -> list[int]:
    from models.membership import BillingCustomer

    rows = select(Payment.amount_cents).join(BillingCustomer, BillingCustomer.id == Payment.customer_id)
    return list(db.session().scalars(rows.where(BillingCustomer.user_id == user.id).order_by(Payment.paid_at, Payment.id)))


def states() -> dict[int, str]:
    rows = select(PriceMove).execution_options(populate_existing=True)
    return {row.user_id: row.state for row in db.session().scalars(rows)}


def rise_state(rise_id: int) -> str:
    row = db.session().get(PriceRise, rise_id, populate_existing=True)
    assert row is not None
    return row.state


@pytest.mark.once
def test_a_member_is_told_in_time_and_pays_the_new_price_at_their_own_renewal(till: Till, publisher: Browser) -> None:
    user, browser = declared(till, "US-CA", "vip-month")
    pass_time(till, 15)
    rise = plan(publisher)  # their next renewal comes before its day, and the one after it is too far away to tell
    assert told(user, "price") == []
    assert "Still to be told 1" in text_of(publisher.get(f"/publisher/rises/{rise}"))
    page = text_of(browser.get("/account/membership"))
    assert "The price changes on" in page
    assert "We write to you before you pay it" in page
    renew(till, user)
    sign_in_again(browser, user)
    assert paid(user) == [490, 490]
    live_until(till, clock.now() + 9 * DAY)
    rows = told(user, "price")
    assert len(rows) == 1
    assert rows[0].about_at == renewal_of(till, user)
    assert 7 * DAY <= rows[0].about_at - rows[0].created_at <= 30 * DAY
    assert rows[0].law == "california"
    assert "You pay $4.90 a month for VIP." in rows[0].words
    assert "it is $6.90 a month" in rows[0].words
    page = text_of(browser.get("/account/membership"))
    assert "We wrote to you about it" in page
    assert re.search(r"Next payment \$6\.90, the new price, on", page)
    renew(till, user)
    assert paid(user) == [490, 490, 690]
    carry_on()
    assert states() == {user.id: "moved"}
    assert rise_state(rise) == "done"
    assert "membership.switched" not in till.mails(user)
    sign_in_again(browser, user)
    sign_in_again(publisher)
    assert "The price changes" not in text_of(browser.get("/account/membership"))
    renew(till, user)
    sign_in_again(publisher)
    assert paid(user) == [490, 490, 690, 690]
    assert len(told(user, "price")) == 1
    page = text_of(publisher.get(f"/publisher/rises/{rise}"))
    assert "Pays the new price 1" in page
    assert "Call the rise off" not in page


@pytest.mark.once
def test_nothing_is_charged_by_the_change_itself_and_stripe_shows_one_price(till: Till, publisher: Browser) -> None:
    user, _ = declared(till, "US-CA", "vip-month")
    pass_time(till, 12)
    plan(publisher, 9)

    def lines() -> list[int]:
        with till.sandbox.store.read() as tx:
            return sorted(line["amount"] for invoice in tx.select("invoice") for line in invoice["lines"]["data"])

    live_until(till, renewal_of(till, user) - 1.2 * DAY)
    live_until(till, renewal_of(till, user) - 0.3 * DAY, 0.5)
    assert states() == {user.id: "set"}
    assert lines() == [490]
    renew(till, user)
    assert lines() == [490, 690]
    assert paid(user) == [490, 690]


@pytest.mark.once
@pytest.mark.parametrize(
    ("days", "sentence"), [(5, "too soon"), (45, "too far away"), (None, "Please choose a day")]
)
def test_a_day_outside_the_window_is_refused_in_a_sentence(till: Till, publisher: Browser, days: int | None, sentence: str) -> None:
    declared(till, "US-CA", "vip-month")
    form = {"amount": "6.90", "day": day_in(days) if days else ""}
    answer = publisher.post("/publisher/plans/prices/vip-month/rise", form)
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert 'value="6.90"' in answer.get_data(as_text=True)
    assert till.count(PriceRise) == 0
    assert till.count(Price) == 4


@pytest.mark.once
def test_the_page_fills_in_a_lawful_day_for_those_who_pay(till: Till, publisher: Browser) -> None:
    declared(till, "US-CA", "vip-month")
    page = publisher.get("/publisher/plans/prices/vip-month/rise")
    assert "between 7 and 30 days" in text_of(page)
    shown = re.search(r'type="date"[^>]*value="([0-9-]+)"|value="([0-9-]+)"[^>]*type="date"', page.get_data(as_text=True))
    assert shown is not None
    chosen = date.fromisoformat(shown.group(1) or shown.group(2))
    assert 7 < (chosen - clock.now().date()).days < 30
    declared(till, "DE", "vip-month")
    assert "between 14 and 30 days" in text_of(publisher.get("/publisher/plans/prices/vip-month/rise"))


@pytest.mark.once
@pytest.mark.parametrize(("amount", "sentence"), [
    ("4.90", "above $4.90"), ("2", "above $4.90"), ("lots", "Please give an amount"), ("", "Please give an amount"),
])  # fmt: skip
def test_a_rise_needs_a_higher_amount(till: Till, publisher: Browser, amount: str, sentence: str) -> None:
    answer = publisher.post("/publisher/plans/prices/vip-month/rise", {"amount": amount, "day": day_in(20)})
    assert answer.status_code == 422
    assert sentence in text_of(answer)


def test_a_rise_is_planned_once_for_a_price(app: Flask, till: Till, publisher: Browser) -> None:
    plan(publisher)
    again = publisher.post("/publisher/plans/prices/vip-month/rise", {"amount": "7.90", "day": day_in(20)})
    assert again.status_code == 409
    assert publisher.post("/publisher/plans/prices/nothing/rise", {"amount": "7.90", "day": day_in(20)}).status_code == 404
    day = clock.now().date() + timedelta(days=20)

    def press() -> None:
        with transaction():
            rises.plan_rise("sandbox", "gold-month", 1290, day, 1)

    problems = at_once(app, press, press, press)
    assert len(problems) == 2
    assert all(isinstance(problem, Conflict) for problem in problems), problems
    assert till.count(PriceRise) == 2
    assert till.count(Price) == 6


def test_called_off_before_its_day_nobody_pays_more_and_all_who_knew_are_told(till: Till, publisher: Browser) -> None:
    user, browser = declared(till, "US-CA", "vip-month")
    pass_time(till, 9)
    rise = plan(publisher, (renewal_of(till, user).date() - clock.now().date()).days)
    live_until(till, renewal_of(till, user) - 1.2 * DAY)
    live_until(till, renewal_of(till, user) - 0.9 * DAY)
    assert states() == {user.id: "set"}  # their renewal is a day away, and Stripe knows the new price
    assert publisher.post(f"/publisher/rises/{rise}/call-off").status_code == 303
    worker.run_all()
    assert states() == {user.id: "kept"}
    assert [row.kind for row in told(user)] == ["price", "price_kept"]
    assert "you go on paying $4.90 a month" in told(user)[-1].words
    renew(till, user)
    renew(till, user)
    assert paid(user) == [490, 490, 490]
    assert rise_state(rise) == "called_off"
    sign_in_again(browser, user)
    sign_in_again(publisher)
    assert "The price changes" not in text_of(browser.get("/account/membership"))
    assert publisher.post(f"/publisher/rises/{rise}/call-off").status_code == 409
    assert "membership.switched" not in till.mails(user)
    assert "$6.90" not in text_of(Browser(till.app).get("/join"))
    assert len(told(user)) == 2


@pytest.mark.once
def test_from_its_day_on_a_rise_stands_and_the_new_price_is_on_sale(till: Till, publisher: Browser) -> None:
    rise = plan(publisher, 16)
    page = text_of(Browser(till.app).get("/join"))
    assert "Join VIP for $4.90 a month" in page
    assert re.search(r"Payments on and after \d+ \w+ \d{4} are \$6\.90 a month\.", page)
    assert "from" in text_of(publisher.get("/publisher/plans"))
    assert publisher.get("/publisher/plans/prices/vip-month/rise").headers["Location"] == f"/publisher/rises/{rise}"
    live_until(till, clock.now() + 17 * DAY)
    page = text_of(Browser(till.app).get("/join"))
    assert "$6.90" in page
    assert "$4.90" not in page
    assert publisher.post(f"/publisher/rises/{rise}/call-off").status_code == 409
    assert rise_state(rise) == "done"  # nobody paid the old one


@pytest.mark.once
def test_who_cancels_after_the_letter_never_pays_the_new_price(till: Till, publisher: Browser) -> None:
    user, browser = declared(till, "US-CA", "vip-month")
    pass_time(till, 10)
    plan(publisher, 12)
    assert states() == {user.id: "told"}
    browser.post("/account/membership/cancel", {"sure": "yes"})
    live_until(till, clock.now() + 25 * DAY)
    assert paid(user) == [490]
    assert states() == {user.id: "left"}


def test_who_comes_back_in_time_is_in_the_rise_again(till: Till, publisher: Browser) -> None:
    user, browser = declared(till, "US-CA", "vip-month")
    pass_time(till, 10)
    plan(publisher, 12)
    browser.post("/account/membership/cancel", {"sure": "yes"})
    carry_on()
    assert states() == {user.id: "left"}
    browser.post("/account/membership/resume")
    renew(till, user)
    assert paid(user) == [490, 690]
    assert len(told(user, "price")) == 1


def test_who_could_not_be_told_in_time_pays_the_old_price_once_more(till: Till, publisher: Browser) -> None:
    user, _ = declared(till, "US-CA", "vip-month")
    pass_time(till, 10)
    plan(publisher, 12)
    with transaction() as session:  # as if no worker had run before it was too late
        for model in (PriceMove, BillingNotice):
            for row in session.scalars(select(model)):
                session.delete(row)
    pass_time(till, (renewal_of(till, user) - clock.now()) / DAY - 6)
    carry_on()
    assert told(user, "price") == []
    renew(till, user)
    assert paid(user) == [490, 490]
    renew(till, user)
    assert paid(user) == [490, 490, 690]
    assert len(told(user, "price")) == 1


@pytest.mark.once
def test_an_outage_until_the_renewal_means_the_old_price_and_a_new_letter(till: Till, publisher: Browser, stripe_down: Any) -> None:
    user, _ = declared(till, "US-CA", "vip-month")
    pass_time(till, 10)
    plan(publisher, 12)
    live_until(till, renewal_of(till, user) - 1.5 * DAY)
    assert states() == {user.id: "told"}
    real = till.app.extensions["rejoinder_gateway"]
    stripe_down()
    live_until(till, clock.now() + 2 * DAY, 0.5)
    till.app.extensions["rejoinder_gateway"] = real
    from blueprints.membership.jobs_health import catch_up

    catch_up()
    live_until(till, clock.now() + 2 * DAY)
    assert paid(user) == [490, 490]
    renew(till, user)
    assert paid(user) == [490, 490, 690]
    occasions = [row.occasion for row in told(user, "price")]
    assert len(occasions) == len(set(occasions)) == 2


def test_a_renewal_between_looking_and_changing_is_not_charged_untold(till: Till, publisher: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    user, _ = declared(till, "US-CA", "vip-month")
    pass_time(till, 10)
    plan(publisher, 12)
    live_until(till, renewal_of(till, user) - 1.5 * DAY)
    stripe = gateway()
    real = type(stripe).change_price
    calls: list[str] = []

    def slow(self: Any, standing: Any, price: str, key: str) -> Any:
        if not calls:
            till.sandbox.advance(3 * 24 * 3600)
        calls.append(key)
        return real(self, standing, price, key)

    monkeypatch.setattr(type(stripe), "change_price", slow)
    live_until(till, clock.now() + DAY, 0.6)
    assert len(calls) == 2
    assert calls[1].endswith(":late")
    monkeypatch.setattr(type(stripe), "change_price", real)
    till.deliver()
    assert paid(user) == [490, 490]
    price = db.session().scalars(select(Price.key).join(Subscription, Subscription.price_id == Price.id)).one()
    assert price == "vip-month"


def test_moving_twice_or_after_a_lost_answer_changes_nothing_more(till: Till, publisher: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    user, _ = declared(till, "US-CA", "vip-month")
    pass_time(till, 10)
    rise = plan(publisher, 12)
    live_until(till, renewal_of(till, user) - 1.5 * DAY)
    stripe = gateway()
    real = type(stripe).change_price
    lost = [True]

    def losing(self: Any, standing: Any, price: str, key: str) -> Any:
        answer = real(self, standing, price, key)
        if lost.pop() if lost else False:
            raise Unavailable("the answer was lost")
        return answer

    monkeypatch.setattr(type(stripe), "change_price", losing)
    live_until(till, clock.now() + DAY, 0.6)
    subscription = till.subscriptions()[0]["id"]
    rises_jobs.move_one(rise, subscription)
    rises_jobs.move_one(rise, subscription)
    live_until(till, clock.now() + 2 * DAY)
    assert paid(user) == [490, 690]
    assert states() == {user.id: "moved"}


def test_many_members_are_told_in_batches_each_once(till: Till, publisher: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rises_jobs, "BATCH", 2)
    people = [declared(till, country, "vip-month")[0] for country in ("US-CA", "US", "DE", "", "GB")]
    pass_time(till, 8)
    rise = plan(publisher, 20)
    assert [len(told(person, "price")) for person in people] == [1] * 5
    assert [told(person, "price")[0].law for person in people] == ["california", "us", "eu", "strictest", "strictest"]
    assert db.session().scalars(select(Mail.dedupe_key).where(Mail.kind == "membership.notice-price")).all().__len__() == 5
    renew(till, people[0])
    assert [paid(person) for person in people] == [[490, 690]] * 5
    carry_on()
    assert rise_state(rise) == "done"


@pytest.mark.once
def test_a_yearly_member_is_told_before_their_own_renewal_months_later(till: Till, publisher: Browser) -> None:
    user, _ = declared(till, "FR", "vip-year")
    pass_time(till, 100)
    rise = plan(publisher, 20, amount="69", price="vip-year")
    live_until(till, renewal_of(till, user) - 40 * DAY, 15)
    assert told(user, "price") == []
    tell()
    renewal = told(user, "renewal")
    assert "The price rises to $69.00 a year" in renewal[0].words
    renew(till, user)
    rows = told(user, "price")
    assert len(rows) == 1
    assert 14 * DAY <= rows[0].about_at - rows[0].created_at <= 30 * DAY
    assert paid(user) == [4900, 6900]
    carry_on()
    assert rise_state(rise) == "done"


def test_a_promotion_goes_on_lowering_the_new_price(till: Till, publisher: Browser) -> None:
    publisher.post("/publisher/promotions", {"code": "HALF", "kind": "percent", "worth": "50", "duration": "forever", "currency": "usd", "plan": ""})
    worker.run_all()
    user, browser = till.reader()
    answer = browser.post("/join/checkout", {"price": "vip-month", "code": "HALF", "country": "US"})
    till.come_back(browser, till.pay(str(answer.headers["Location"])))
    till.deliver()
    pass_time(till, 10)
    plan(publisher, 12)
    assert "goes on lowering them" in told(user, "price")[0].words
    renew(till, user)
    assert paid(user) == [245, 345]


@pytest.mark.once
def test_a_price_that_is_sold_no_longer_can_be_raised_to_the_one_on_sale(till: Till, publisher: Browser) -> None:
    user, _ = declared(till, "US", "vip-month")
    publisher.post("/publisher/plans/vip/prices", {"amount": "6.90", "currency": "usd", "interval": "month"})
    worker.run_all()
    count = till.count(Price)
    pass_time(till, 12)
    rise = plan(publisher, 9)
    assert till.count(Price) == count
    renew(till, user)
    assert paid(user) == [490, 690]
    carry_on()
    assert rise_state(rise) == "done"


def test_rises_are_the_publishers_only(till: Till, client: Browser) -> None:
    _, reader = till.reader()
    for path in ("/publisher/plans/prices/vip-month/rise", "/publisher/rises/1"):
        assert reader.get(path).status_code == 403
        assert client.get(path).status_code == 303
    assert reader.post("/publisher/rises/1/call-off").status_code == 403
    assert Browser(till.app).sign_in(make_user(roles=("publisher",))).get("/publisher/rises/99").status_code == 404
