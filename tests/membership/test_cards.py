"""Somebody who tries stolen cards: limits in front of paying, one answer whatever the card, and one alarm."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.membership import cards, queries_health
from blueprints.membership.gateway import gateway
from blueprints.membership.jobs_health import sweep_checkouts
from blueprints.membership.queries_checkout import open_attempt
from core import clock
from core.db import db, transaction
from jobs import worker
from models.billing_health import CardBurst
from models.limit import RateCount
from models.membership import CheckoutAttempt
from models.notification import Mail
from tests.browser import Browser, text_of
from tests.factories import make_user
from tests.membership.conftest import Till
from tests.membership.test_sync import at_once


@pytest.fixture
def strict(app: Flask) -> Iterator[None]:
    """The limits of production."""
    app.config["PRODUCTION"] = True
    yield
    app.config["PRODUCTION"] = False


def press(browser: Browser, price: str = "vip-month", address: str = "192.0.2.1") -> Any:
    return browser.post("/join/checkout", {"price": price}, environ_overrides={"REMOTE_ADDR": address})


def decline(till: Till, times: int) -> None:
    """So many people whose card is declined."""
    for _ in range(times):
        _, browser = till.reader()
        assert till.pay(till.press(browser), "declined") == ""
    till.deliver()


def alarms() -> list[str]:
    rows = db.session().scalars(select(Mail.recipient).where(Mail.kind == "billing.card-burst"))
    return sorted(rows)


def bursts() -> list[CardBurst]:
    return list(db.session().scalars(select(CardBurst).execution_options(populate_existing=True)))


@pytest.mark.parametrize(
    ("declined", "joined", "burst"),
    [(0, 0, False), (9, 0, False), (10, 0, True), (10, 5, False), (11, 5, True), (500, 400, False), (900, 400, True)],
)
def test_a_burst_is_many_declined_beside_few_that_went_through(declined: int, joined: int, burst: bool) -> None:
    assert cards.is_burst(declined, joined) is burst


def test_a_burst_is_told_to_every_publisher_once(till: Till) -> None:
    first = make_user("Pia", roles=("publisher",)).email
    second = make_user("Pat", roles=("publisher",)).email
    decline(till, cards.FEWEST_DECLINED - 1)
    assert bursts() == []
    decline(till, 4)
    assert alarms() == sorted([first, second])
    decline(till, 3)
    assert alarms() == sorted([first, second])
    assert [(row.declined, row.readers) for row in bursts()] == [(16, 16)]


def test_two_workers_that_see_a_burst_at_once_tell_once(till: Till) -> None:
    make_user("Pia", roles=("publisher",))
    for _ in range(cards.FEWEST_DECLINED + 1):
        _, browser = till.reader()
        till.pay(till.press(browser), "declined")
    till.sandbox.deliver_all(till.post_webhook)
    mode = gateway().mode

    def watch() -> None:
        with transaction():
            cards.watch(mode, clock.now())

    assert at_once(till.app, watch, watch, watch) == []
    assert len(bursts()) == 1
    assert len(alarms()) == 1


def test_a_burst_ends_and_the_next_one_is_told_anew(till: Till) -> None:
    make_user("Pia", roles=("publisher",))
    decline(till, cards.FEWEST_DECLINED)
    clock.shift(cards.WINDOW + cards.QUIET + clock.timedelta(minutes=1))
    with transaction():
        assert cards.watch(gateway().mode, clock.now()) is None
    assert [row.ended_at is not None for row in bursts()] == [True]
    till.sandbox.advance(int((cards.WINDOW + cards.QUIET).total_seconds()) + 60)
    decline(till, cards.FEWEST_DECLINED)
    assert len(bursts()) == 2
    assert len(alarms()) == 2


@pytest.mark.once
def test_renewals_that_fail_are_no_burst(till: Till) -> None:
    make_user("Pia", roles=("publisher",))
    for _ in range(cards.FEWEST_DECLINED + 1):
        _, browser = till.reader()
        till.come_back(browser, till.pay(till.press(browser), "fails-later"))
    till.deliver()
    till.sandbox.advance(32 * 86_400)
    till.deliver()
    assert queries_health.declined_since(gateway().mode, clock.now() - cards.WINDOW)[0] == 0
    assert bursts() == []


@pytest.mark.once
def test_the_page_says_the_same_whatever_the_card(till: Till) -> None:
    pages = []
    _, browser = till.reader()
    url = till.press(browser)
    for card in ("declined", "insufficient-funds", "expired", "wrong-cvc"):
        assert till.pay(url, card) == ""
        session = url.rpartition("/")[2]
        answer = browser.get(f"/join/complete?session_id={session}")
        assert answer.status_code == 303
        pages.append(text_of(browser.follow(answer)))
    assert len(set(pages)) == 1
    assert "The payment was not finished, and nothing was charged." in pages[0]


@pytest.mark.once
def test_one_address_begins_to_pay_so_often_and_then_waits(till: Till, strict: None) -> None:
    people = [till.reader()[1] for _ in range(3)]
    answers = [press(people[number % 3]).status_code for number in range(cards.PRESSES_OF_ADDRESS + 1)]
    assert answers == [303] * cards.PRESSES_OF_ADDRESS + [429]
    refused = press(people[0])
    assert "Paying was begun very often just now." in text_of(refused)
    assert press(people[0], address="198.51.100.7").status_code == 303


@pytest.mark.once
def test_a_reader_may_not_get_around_it_by_changing_addresses(till: Till, strict: None) -> None:
    _, browser = till.reader()
    answers = [
        press(browser, address=f"192.0.2.{number}").status_code for number in range(cards.PRESSES_OF_READER + 1)
    ]
    assert answers == [303] * cards.PRESSES_OF_READER + [429]


def test_the_whole_site_has_a_limit_too(till: Till, strict: None) -> None:
    _, browser = till.reader()
    assert press(browser).status_code == 303
    rows = [row for row in _counted() if "site" in row]
    assert len(rows) == 1
    with transaction() as session:
        row = session.scalar(select(RateCount).where(RateCount.key == rows[0]))
        assert row is not None
        row.hits = cards.PRESSES_OF_SITE
    assert press(till.reader()[1], address="198.51.100.9").status_code == 429


def _counted() -> list[str]:
    return list(db.session().scalars(select(RateCount.key)))


@pytest.mark.once
def test_in_a_burst_an_address_has_few_tries(till: Till, strict: None) -> None:
    with transaction() as session:
        session.add(CardBurst(mode=gateway().mode, began_at=clock.now(), last_at=clock.now()))
    people = [till.reader()[1] for _ in range(2)]
    answers = [press(people[number % 2]).status_code for number in range(cards.PRESSES_IN_A_BURST + 1)]
    assert answers == [303] * cards.PRESSES_IN_A_BURST + [429]


@pytest.mark.once
def test_a_guest_who_looks_is_not_counted(till: Till, strict: None) -> None:
    browser = Browser(till.app)
    for _ in range(cards.PRESSES_OF_ADDRESS + 5):
        assert press(browser).headers["Location"].startswith("/sign-up")


@pytest.mark.once
def test_a_reader_begins_only_so_many_checkouts_a_day(till: Till, strict: None) -> None:
    _, browser = till.reader()
    prices = ["vip-month", "gold-month"]
    for number in range(cards.CHECKOUTS_A_DAY):
        assert press(browser, prices[number % 2], f"192.0.2.{number}").status_code == 303
    refused = press(browser, prices[0], "198.51.100.1")
    assert refused.status_code == 429
    assert "You began to pay many times today." in text_of(refused)
    assert till.count(CheckoutAttempt) == cards.CHECKOUTS_A_DAY
    with till.sandbox.store.read() as tx:
        assert [each["status"] for each in tx.select("checkout.session")].count("open") == 1


@pytest.mark.once
def test_a_checkout_that_ran_out_unpaid_is_closed_by_itself(till: Till) -> None:
    user, browser = till.reader()
    till.sandbox.set_delivery_mode("lost")
    till.press(browser)
    till.sandbox.advance(25 * 3600)
    clock.shift(clock.timedelta(hours=26))
    sweep_checkouts()
    worker.run_all()
    assert open_attempt(gateway().mode, user.id) is None


def test_a_checkout_that_never_reached_stripe_is_closed_by_itself(till: Till, stripe_down: Any) -> None:
    user, browser = till.reader()
    till.press(browser)
    with transaction() as session:
        row = session.scalar(select(CheckoutAttempt).where(CheckoutAttempt.user_id == user.id))
        assert row is not None
        row.session_id = row.expires_at = row.url = None
    stripe_down()
    sweep_checkouts()
    assert open_attempt(gateway().mode, user.id) is not None
    clock.shift(clock.timedelta(hours=2))
    sweep_checkouts()
    assert open_attempt(gateway().mode, user.id) is None
