"""Members are told about money in time, once, and the proof is kept: three years of Subscriptions, day by day."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.membership import notices, sync
from blueprints.membership.law import LAWS, law_for
from core import clock
from core.db import db, transaction
from jobs import worker
from jobs.queue import enqueue
from models.membership import BillingCustomer, Payment, Price, PromoCode
from models.notification import Mail
from models.pricing import BillingNotice
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_user
from tests.membership.conftest import Till
from tests.membership.test_own_page import pass_time
from tests.membership.test_sync import at_once

VARIANTS = {"US-CA": "california", "US": "us", "FR": "eu", "": "strictest"}
DAY = timedelta(days=1)


def tell() -> None:
    with transaction():
        enqueue("membership.tell")
    worker.run_all()


def told(user: User, *kinds: str) -> list[BillingNotice]:
    rows = select(BillingNotice).where(BillingNotice.user_id == user.id).order_by(BillingNotice.id)
    if kinds:
        rows = rows.where(BillingNotice.kind.in_(kinds))
    return list(db.session().scalars(rows.execution_options(populate_existing=True)))


def live_through(till: Till, days: int, step: float = 1) -> None:
    """Let days go by, and do each day what a day's jobs do."""
    for _ in range(int(days / step)):
        pass_time(till, step)
        tell()


def declared(till: Till, country: str, price: str, code: str = "") -> tuple[User, Browser]:
    """A member who says at joining where they live."""
    user, browser = till.reader()
    answer = browser.post("/join/checkout", {"price": price, "country": country, "code": code})
    till.come_back(browser, till.pay(str(answer.headers["Location"])))
    till.deliver()
    return user, browser


@pytest.mark.once
def test_three_years_tell_each_thing_in_its_window_once_by_every_law(till: Till) -> None:
    """One clock, eight members: four laws, by the year and by the month."""
    yearly = {country: declared(till, country, "vip-year")[0] for country in VARIANTS}
    monthly = {country: declared(till, country, "vip-month")[0] for country in VARIANTS}
    began = clock.now()
    till.sandbox.set_delivery_mode("lost")  # a month's events at once are enough, and as well
    by_the_year, by_the_month = ([till.customer_of(user) for user in each.values()] for each in (yearly, monthly))
    for month in range(1, 38):
        live_through(till, 30, step=10)
        for customer in (by_the_month if month % 3 == 0 else []) + (by_the_year if month % 12 < 2 else []):  # who is charged about then, too
            sync.sync_customer(customer, "once a month")
    publisher = Browser(till.app).sign_in(make_user(roles=("publisher",)))
    for country, user in yearly.items():
        law = LAWS[VARIANTS[country]]
        renewals, reminders = told(user, "renewal"), told(user, "annual")
        assert [(row.about_at.year - began.year) for row in renewals] == [1, 2, 3]
        assert [row.occasion for row in reminders] == ["year-1", "year-2", "year-3"]
        for row in renewals:
            before = (row.about_at - row.created_at) / DAY
            assert 15 <= before <= 45
            assert law.renewal[1] <= before <= law.renewal[0]
        rows = told(user)
        assert len(rows) == 6
        assert "your card is charged $49.00" in renewals[0].words
        proof_is_whole(till, user, rows, country)
    for country, user in monthly.items():
        rows = told(user)
        assert [(row.kind, row.occasion) for row in rows] == [("annual", f"year-{year}") for year in (1, 2, 3)]
        for year, row in enumerate(rows, 1):
            assert 335 + 365 * (year - 1) <= (row.created_at - began) / DAY <= 366 * year
            assert "$4.90 a month" in row.words
        proof_is_whole(till, user, rows, country)
    page = text_of(publisher.get("/publisher/told?kind=renewal"))
    assert [page.count(f"{law.name}. in time") for law in LAWS.values()] == [3, 3, 3, 3]
    assert "not sent yet" not in page


def proof_is_whole(till: Till, user: User, rows: list[BillingNotice], country: str) -> None:
    """Each letter was sent in its window, word for word, and its reader finds it."""
    law = LAWS[VARIANTS[country]]
    assert {row.law for row in rows} == {law.key}
    assert {row.country for row in rows} == {country or None}
    assert all(row.opens_at <= row.created_at <= row.sent_at <= row.closes_at for row in rows)  # type: ignore[operator]
    assert all(row.recipient == user.email and law.asks in row.words for row in rows)
    mails = list(db.session().scalars(select(Mail).where(Mail.kind.like("membership.notice-%"), Mail.user_id == user.id)))
    assert len(mails) == len(rows)
    for row in rows:
        mail = next(mail for mail in mails if mail.id == row.mail_id)
        flat = " ".join(mail.text.split())
        assert all(" ".join(sentence.split()) in flat for sentence in row.words.split("\n"))
        assert "/account/membership/cancel" in mail.text
    page = text_of(Browser(till.app).sign_in(user).get("/account/membership/agreements"))
    assert page.count(f"({law.name})") == len(rows)


def test_the_end_of_a_discount_is_told_once_before_the_first_full_payment_by_every_law(till: Till) -> None:
    """One clock, four months: four laws with a discount of three months; and one of one payment, and one for good, beside them."""
    with transaction() as session:
        session.add_all([
            PromoCode(code="THREE", percent=50, duration="repeating", months=3),
            PromoCode(code="FIRST", amount_cents=100, currency="usd", duration="once"),
            PromoCode(code="ALWAYS", percent=20, duration="forever"),
        ])  # fmt: skip
    three = {country: declared(till, country, "vip-month", "THREE")[0] for country in VARIANTS}
    first, untold = declared(till, "DE", "gold-month", "FIRST")[0], declared(till, "US-CA", "vip-month", "ALWAYS")[0]
    began = clock.now()
    live_through(till, 20, step=10)
    pass_time(till, 45)
    live_through(till, 65, step=10)
    for country, user in three.items():
        (row,) = told(user)
        paid = [one.amount_cents for one in reversed(payments(till, user))]
        assert paid[:5] == [245, 245, 245, 490, 490]
        before = (row.about_at - row.created_at) / DAY
        assert LAWS[VARIANTS[country]].price[1] <= before <= LAWS[VARIANTS[country]].price[0]
        assert timedelta() <= payments(till, user)[-4].paid_at - row.about_at <= timedelta(hours=2)
        assert "this month was $2.45" in row.words
        assert "your card is charged $4.90. From then on it is $4.90 a month" in row.words
        proof_is_whole(till, user, [row], country)
    (row,) = told(first)
    assert 28 <= (row.about_at - began) / DAY <= 31
    assert "this month was $8.90" in row.words
    assert told(untold) == []
    publisher = Browser(till.app).sign_in(make_user(roles=("publisher",)))
    page = text_of(publisher.get("/publisher/told?kind=promotion"))
    assert page.count(". in time") == 5
    assert page.count("Your discount on VIP ends on") == 4


@pytest.mark.once
def test_the_end_of_a_first_cheaper_year_is_told_beside_its_renewal(till: Till) -> None:
    with transaction() as session:
        session.add(PromoCode(code="YEAR", percent=50, duration="once"))
    user, _ = declared(till, "FR", "vip-year", "YEAR")
    pass_time(till, 320)
    live_through(till, 40, step=2)
    rows = {row.kind: row for row in told(user, "renewal", "promotion")}
    assert "this year was $24.50" in rows["promotion"].words
    assert all("your card is charged $49.00" in row.words for row in rows.values())
    assert all(row.opens_at <= row.created_at <= row.closes_at for row in rows.values())


def payments(till: Till, user: User) -> list[Payment]:
    """What arrived, the newest first."""
    rows = select(Payment).join(BillingCustomer).where(BillingCustomer.user_id == user.id).order_by(Payment.paid_at.desc())
    return list(db.session().scalars(rows.execution_options(populate_existing=True)))


@pytest.mark.once
@pytest.mark.parametrize(("days", "least"), [(45, 3), (14, 3), (5, 1)])
def test_the_end_of_a_free_time_is_told_before_it(till: Till, days: int, least: int) -> None:
    with transaction() as session:
        price = session.scalars(select(Price).where(Price.key == "vip-month")).one()
        price.trial_days = days
    people = {country: declared(till, country, "vip-month")[0] for country in VARIANTS}
    ends = clock.now() + days * DAY
    live_through(till, days, step=0.25 if days < 10 else 1.5)
    for country, user in people.items():
        rows = told(user, "trial")
        assert len(rows) == 1
        before = (ends - rows[0].created_at) / DAY
        assert least <= before <= 21
        if days >= 14:
            assert before >= law_for(country or None).trial[1]
        assert "nothing is charged" in rows[0].words
        assert rows[0].created_at <= rows[0].closes_at


def test_days_without_a_worker_are_made_up_for_and_a_late_letter_says_so(till: Till) -> None:
    user, _ = declared(till, "US-CA", "vip-year")
    pass_time(till, 365 - 20)
    tell()
    assert [row.created_at <= row.closes_at for row in told(user, "renewal")] == [True]
    other, _ = declared(till, "US-CA", "vip-year")
    pass_time(till, 365 - 10)
    tell()
    tell()
    late = told(other, "renewal")
    assert [row.created_at > row.closes_at for row in late] == [True]
    publisher = Browser(till.app).sign_in(make_user(roles=("publisher",)))
    assert "1 late" in text_of(publisher.get("/publisher/told"))


def test_a_clock_that_jumps_back_tells_nothing_twice(till: Till) -> None:
    user, _ = declared(till, "DE", "vip-year")
    pass_time(till, 330)
    tell()
    assert len(told(user, "renewal")) == 1
    clock.shift(clock._offset.get() - 3 * DAY)
    tell()
    clock.shift(clock._offset.get() + 3 * DAY)
    tell()
    assert len(told(user, "renewal")) == 1


def test_workers_at_once_tell_once(app: Flask, till: Till) -> None:
    user, _ = declared(till, "DE", "vip-year")
    pass_time(till, 330)
    shift = clock._offset.get()

    def run() -> None:
        clock.shift(shift)
        notices.tell_due()

    assert at_once(app, run, run, run) == []
    rows = told(user, "renewal")
    assert len(rows) == 1
    assert db.session().scalars(select(Mail.kind).where(Mail.kind == "membership.notice-renewal")).all() == [
        "membership.notice-renewal"
    ]


@pytest.mark.once
def test_one_who_cannot_be_told_keeps_nobody_else_from_it(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = declared(till, "DE", "vip-year")
    second, _ = declared(till, "US", "vip-year")
    pass_time(till, 330)
    with transaction() as session:
        person = session.get(User, first.id)
        assert person is not None
        person.display_name = "x"
    real = notices.words_of
    broken = [True]

    def words(due: Any, sold: Any, law: Any) -> Any:
        if law.key == "eu" and broken[0]:
            raise RuntimeError("no words")
        return real(due, sold, law)

    monkeypatch.setattr(notices, "words_of", words)
    tell()
    assert (len(told(first, "renewal")), len(told(second, "renewal"))) == (0, 1)
    broken[0] = False
    tell()
    assert len(told(first, "renewal")) == 1


@pytest.mark.once
def test_who_cancelled_is_told_of_no_renewal(till: Till) -> None:
    user, browser = declared(till, "US-CA", "vip-year")
    browser.post("/account/membership/cancel", {"sure": "yes"})
    till.deliver()
    live_through(till, 360, step=5)
    assert told(user) == []


@pytest.mark.once
def test_a_deleted_account_leaves_the_words_and_no_address(till: Till) -> None:
    from blueprints.accounts.service import delete_account

    user, _ = declared(till, "US-CA", "vip-year")
    pass_time(till, 330)
    tell()
    with transaction():
        delete_account(user.id, keep_words=True)
    rows = told(user, "renewal")
    assert [(row.recipient, bool(row.words), row.sent_at is not None) for row in rows] == [("", True, True)]
    gone = db.session().get(User, user.id, populate_existing=True)
    assert gone is not None
    assert gone.country is None


def test_where_one_lives_can_be_said_changed_and_taken_back(till: Till) -> None:
    _, browser = till.reader()
    page = browser.get("/join?country=US-CA").get_data(as_text=True)
    assert '<option value="US-CA" selected>' in page
    assert '<input type="hidden" name="country" value="US-CA">' in page
    assert browser.post("/account/membership/country", {"country": "XX"}).status_code == 422
    assert browser.post("/account/membership/country", {"country": "DE"}).status_code == 303
    assert "Where you live: Germany" in text_of(browser.get("/account/membership"))
    assert "Where I live: Germany" in text_of(browser.get("/join"))
    assert browser.post("/account/membership/country", {"country": ""}).status_code == 303
    assert "Where you live:" not in text_of(browser.get("/account/membership"))


@pytest.mark.once
def test_the_country_stands_among_the_settings_with_what_it_changes(till: Till) -> None:
    user, browser = till.reader()
    assert "Now: the strictest rules of all." in text_of(browser.get("/account/settings"))
    for code, words in {"DE": "of the European Union", "US-CA": "of California", "US": "of the United States"}.items():
        answer = browser.post("/account/membership/country", {"country": code, "from": "settings"})
        assert answer.headers["Location"] == "/account/settings"
        page = browser.get("/account/settings")
        assert f"Now: the rules {words}." in text_of(page)
        assert f'<option value="{code}" selected>' in page.get_data(as_text=True)
    assert browser.post("/account/membership/country", {"country": "XX", "from": "settings"}).status_code == 422
    till.join(browser, "vip-year")
    for code, days, law in (("US-CA", 330, "california"), ("FR", 365, "eu")):  # a change holds for what comes after it
        browser = Browser(till.app).sign_in(user)
        browser.post("/account/membership/country", {"country": code, "from": "settings"})
        pass_time(till, days)
        tell()
        assert told(user, "renewal")[-1].law == law


def test_a_guest_says_where_they_live_and_it_is_known_after_signing_up(till: Till, client: Browser) -> None:
    answer = client.post("/join/checkout", {"price": "vip-month", "country": "US-CA"})
    assert "country%3DUS-CA" in answer.headers["Location"]


def test_proof_is_the_publishers_only(till: Till, client: Browser) -> None:
    _, reader = till.reader()
    assert reader.get("/publisher/told").status_code == 403
    assert client.get("/publisher/told").status_code == 303


