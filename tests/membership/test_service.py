"""Plans, prices and gifts."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from blueprints.membership import queries_catalogue, queries_entitlements
from blueprints.membership.service import PriceTerms, end_grant, grant, offer_plan, withdraw_plan
from core import clock
from core.db import db, transaction
from core.errors import Conflict, DomainError, NotFound
from models.membership import Entitlement, Membership
from tests.factories import make_user
from tests.membership.conftest import Till


def offer(**prices: PriceTerms) -> None:
    with transaction():
        offer_plan("patron", "Patron", prices=prices, description="For friends.", perks=("Write", "Meet"), rank=3)


def test_offering_a_plan_twice_changes_nothing(till: Till) -> None:
    for _ in range(2):
        offer(patron_month=PriceTerms(2000, "month", "EUR"))
    plan = queries_catalogue.plans_on_offer()[-1]
    assert (plan.key, plan.perks, plan.badge) == ("patron", ("Write", "Meet"), "Patron")
    assert [(price.key, price.amount_cents, price.currency) for price in plan.prices] == [("patron_month", 2000, "eur")]


def test_a_price_that_is_not_named_is_no_longer_sold(till: Till) -> None:
    offer(old=PriceTerms(2000, "month"))
    offer(new=PriceTerms(2500, "month"))
    assert [price.key for price in queries_catalogue.plans_on_offer()[-1].prices] == ["new"]
    assert queries_catalogue.price_on_offer("old") is None


def test_an_amount_never_changes(till: Till) -> None:
    offer(one=PriceTerms(2000, "month"))
    with pytest.raises(Conflict):
        offer(one=PriceTerms(2100, "month"))
    assert queries_catalogue.plans_on_offer()[-1].prices[0].amount_cents == 2000


@pytest.mark.parametrize("terms", [PriceTerms(0, "month"), PriceTerms(500, "week"), PriceTerms(500, "month", "dollar")])  # type: ignore[arg-type]
def test_terms_that_cannot_be_charged_are_refused(till: Till, terms: PriceTerms) -> None:
    with pytest.raises(DomainError):
        offer(one=terms)


def test_a_plan_withdrawn_is_no_longer_sold(till: Till) -> None:
    with transaction():
        withdraw_plan("gold")
    assert [plan.key for plan in queries_catalogue.plans_on_offer()] == ["vip"]
    _, browser = till.reader()
    assert browser.post("/join/checkout", {"price": "gold-month"}).status_code == 404
    with pytest.raises(NotFound), transaction():
        withdraw_plan("nothing")


def test_a_gift_begins_and_ends_a_membership(till: Till) -> None:
    user = make_user()
    with transaction():
        grant(user.id, "vip", source="gift", source_ref="gift-1", ends_at=clock.now() + timedelta(days=30))
    assert [held.source for held in queries_entitlements.plans_held(user.id, clock.now())] == ["gift"]
    assert len(till.memberships(user)) == 1
    with transaction():
        grant(user.id, "vip", source="gift", source_ref="gift-1", ends_at=clock.now() + timedelta(days=60))
    assert db.session.scalars(select(Entitlement)).all()[0].ends_at > clock.now() + timedelta(days=50)
    with transaction():
        end_grant("gift", "gift-1")
        end_grant("gift", "gift-1")
    assert queries_entitlements.plans_held(user.id, clock.now()) == []
    assert till.memberships(user)[0].ended_at is not None


def test_a_gift_belongs_to_one_reader(till: Till) -> None:
    first, second = make_user(), make_user()
    with transaction():
        grant(first.id, "vip", source="gift", source_ref="gift-1")
    with pytest.raises(Conflict), transaction():
        grant(second.id, "vip", source="gift", source_ref="gift-1")
    with pytest.raises(NotFound), transaction():
        grant(first.id, "nothing", source="gift", source_ref="gift-2")
    with pytest.raises(NotFound), transaction():
        end_grant("gift", "gift-3")


@pytest.mark.once
def test_a_gift_outlives_a_cancelled_payment_without_a_farewell(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    with transaction():
        grant(user.id, "vip", source="gift", source_ref="gift-1")
    till.app.extensions["rejoinder_gateway"].cancel_subscription(till.subscriptions()[0]["id"])
    till.deliver()
    assert [held.source for held in queries_entitlements.plans_held(user.id, clock.now())] == ["gift"]
    assert till.mails(user) == ["membership.welcome"]
    assert till.count(Membership) == 1


def test_a_row_that_is_there_already_is_not_new_on_any_database(till: Till) -> None:
    from blueprints.membership.queries import insert_new
    from models.consent import Withdrawal
    from models.membership import StripeObject

    user = make_user()
    for expected in (True, False):
        with transaction():
            made = insert_new(
                Withdrawal, mode="sandbox", subscription="sub_1", user_id=user.id, confirmed_at=clock.now(),
                refunded_cents=0,
            )  # fmt: skip
            known = insert_new(StripeObject, mode="sandbox", kind="price", key="vip-month", stripe_id="price_1")
        assert (made, known) == (expected, expected)
