"""The health of payments on the publisher's pages, and one reader's whole history."""

from typing import Any

import pytest
from sqlalchemy import select

from blueprints.membership.gateway import gateway
from blueprints.membership.jobs_health import catch_up
from core import clock
from core.db import db, transaction
from jobs import worker
from models.billing_health import CardBurst
from models.membership import StripeEvent
from tests.browser import Browser, text_of
from tests.membership.conftest import Till, real_time, stripe_down, till  # noqa: F401
from tests.publisher.rows import make_failed_event, publisher_browser, statements


@pytest.fixture
def office(till: Till) -> Browser:  # noqa: F811
    return publisher_browser(till.app)[1]


@pytest.mark.once
def test_the_page_says_that_all_is_well(till: Till, office: Browser) -> None:  # noqa: F811
    till.join(till.reader()[1])
    with transaction() as session:
        from models.job import Heartbeat

        session.add(Heartbeat(name="worker", seen_at=clock.now()))
    page = text_of(office.get("/publisher/billing"))
    assert "All is well" in page
    assert "No message has failed" in page
    assert "from Stripe to here, the middle one" in page


@pytest.mark.once
def test_failed_events_are_shown_with_tries_and_dealt_with_again(till: Till, office: Browser) -> None:  # noqa: F811
    user, browser = till.reader()
    till.join(browser)
    event = next(e for e in till.events() if e["type"] == "invoice.paid")
    with transaction() as session:
        row = session.get(StripeEvent, event["id"])
        assert row is not None
        row.state, row.tries, row.error = "failed", 3, "Busy('cus_1')"
    page = office.get("/publisher/billing")
    assert "Busy('cus_1')" in text_of(page)
    assert "All is well" not in text_of(page)
    done = office.post(f"/publisher/billing/events/{event['id']}/retry")
    assert done.status_code == 303
    worker.run_all()
    assert db.session().scalar(select(StripeEvent.state).where(StripeEvent.id == event["id"])) == "done"
    assert till.live(user) == ["vip"]


def test_all_failed_events_are_dealt_with_again_at_one_press(till: Till, office: Browser) -> None:  # noqa: F811
    make_failed_event("evt_1")
    make_failed_event("evt_2")
    page = office.follow(office.post("/publisher/billing/events/retry"))
    assert "2 dealt with again in a moment." in text_of(page)
    assert office.post("/publisher/billing/events/evt_none/retry").status_code == 404


@pytest.mark.once
def test_a_round_is_begun_by_a_press_and_tells_what_it_found(till: Till, office: Browser) -> None:  # noqa: F811
    user, browser = till.reader(name="Ada Larsen")
    till.join(browser)
    till.sandbox.set_delivery_mode("lost")
    gateway().cancel_subscription(till.subscriptions()[0]["id"])
    for kind in ("catch-up", "compare"):
        assert office.post(f"/publisher/billing/rounds/{kind}").status_code == 303
    worker.run_all()
    page = text_of(office.get("/publisher/billing"))
    assert "found by catching up" in page
    assert till.live(user) == []
    assert office.post("/publisher/billing/rounds/nothing").status_code == 404


@pytest.mark.once
def test_drift_is_shown_with_whom_it_was_about(till: Till, office: Browser) -> None:  # noqa: F811
    user, browser = till.reader(name="Ada Larsen")
    till.join(browser)
    till.sandbox.set_delivery_mode("lost")
    gateway().cancel_subscription(till.subscriptions()[0]["id"])
    office.post("/publisher/billing/rounds/compare")
    worker.run_all()
    page = office.get("/publisher/billing").get_data(as_text=True)
    assert f"/publisher/billing/readers/{user.id}" in page
    assert ", status" in page
    assert "canceled" in page


def test_the_account_is_checked_at_a_press(till: Till, office: Browser, stripe_down: Any) -> None:  # noqa: F811
    page = text_of(office.follow(office.post("/publisher/billing/check")))
    assert "Checked: all is well." in page
    assert "Webhook endpoint http://localhost/webhooks/stripe" in page
    stripe_down()
    page = text_of(office.follow(office.post("/publisher/billing/check")))
    assert "Checked: 1 to look at." in page
    assert "Without an answer nothing more can be checked." in page


def test_a_burst_of_declined_cards_stands_at_the_top(till: Till, office: Browser) -> None:  # noqa: F811
    with transaction() as session:
        session.add(CardBurst(mode=gateway().mode, began_at=clock.now(), last_at=clock.now(), declined=40, readers=12))
    assert "up to 40 first payments an hour were declined, of 12 accounts" in text_of(office.get("/publisher/billing"))


def test_a_reader_is_found_by_name_address_and_any_number_of_stripes(till: Till, office: Browser) -> None:  # noqa: F811
    user, browser = till.reader(name="Ada Larsen", email="ada@example.test")
    till.join(browser)
    with till.sandbox.store.read() as tx:
        invoice = tx.select("invoice")[0]
        session = tx.select("checkout.session")[0]["id"]
    event = next(e["id"] for e in till.events() if e["type"] == "invoice.paid")
    wanted = ["larsen", "ada@exam", till.customer_of(user), till.subscriptions()[0]["id"], invoice["id"],
              invoice["number"], session, event]  # fmt: skip
    for each in wanted:
        answer = office.get("/publisher/billing/readers", query_string={"q": each})
        assert answer.headers.get("Location") == f"/publisher/billing/readers/{user.id}", each
    assert "Nobody found" in text_of(office.get("/publisher/billing/readers?q=cus_nobody"))
    assert "Nobody found" in text_of(office.get("/publisher/billing/readers?q=%25%5C_"))


def test_a_readers_whole_history_is_on_one_page(till: Till, office: Browser) -> None:  # noqa: F811
    till.hear_everything()
    user, browser = till.reader(name="Ada Larsen")
    till.join(browser, article="the-new-bridge")
    browser.post("/account/membership/cancel", {"sure": "yes"})
    till.deliver()
    page = text_of(office.get(f"/publisher/billing/readers/{user.id}"))
    for words in (
        till.customer_of(user), "Went to pay vip-month", "That checkout is complete", "Paid $4.90", "VIP began",
        "checkout.session.completed", "Welcome", "Pressed the button to join", "Paid through Stripe",
        "customer.subscription.updated",
    ):  # fmt: skip
        assert words in page, words
    assert "payment_method.attached" not in page
    assert "payment_method.attached" in text_of(office.get(f"/publisher/billing/readers/{user.id}?all=1"))
    with statements() as sent:
        office.get(f"/publisher/billing/readers/{user.id}")
    assert len(sent) <= 22


@pytest.mark.once
def test_sync_now_says_what_was_otherwise_here(till: Till, office: Browser) -> None:  # noqa: F811
    user, browser = till.reader()
    till.join(browser)
    path = f"/publisher/billing/readers/{user.id}/sync"
    assert "All was as Stripe says." in text_of(office.follow(office.post(path)))
    till.sandbox.set_delivery_mode("lost")
    gateway().cancel_subscription(till.subscriptions()[0]["id"])
    page = text_of(office.follow(office.post(path)))
    assert "status: active → canceled" in page
    assert "by hand" in page
    assert till.live(user) == []


@pytest.mark.once
def test_sync_now_while_stripe_is_down_says_so(till: Till, office: Browser, stripe_down: Any) -> None:  # noqa: F811
    user, browser = till.reader()
    till.join(browser)
    stripe_down()
    answer = office.post(f"/publisher/billing/readers/{user.id}/sync")
    assert answer.status_code == 503
    assert "Stripe does not answer at the moment" in text_of(answer)
    assert till.live(user) == ["vip"]


def test_who_never_began_to_pay_has_a_page_and_nothing_to_fetch(till: Till, office: Browser) -> None:  # noqa: F811
    user, _ = till.reader()
    assert "never began to pay" in text_of(office.get(f"/publisher/billing/readers/{user.id}"))
    assert office.post(f"/publisher/billing/readers/{user.id}/sync").status_code == 404


@pytest.mark.once
def test_somebody_who_left_is_still_found_by_what_they_paid(till: Till, office: Browser) -> None:  # noqa: F811
    from blueprints.accounts.service import delete_account

    user, browser = till.reader()
    till.join(browser)
    customer = till.customer_of(user)
    with transaction():
        delete_account(user.id, keep_words=True)
    worker.run_all()
    catch_up()
    answer = office.follow(office.get("/publisher/billing/readers", query_string={"q": customer}))
    assert "has left" in text_of(answer)
