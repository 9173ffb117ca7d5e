"""What a Subscription gives, by its status and its payments; and who may join."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from blueprints.membership.gateway import ChargeState, InvoiceState, SubscriptionState
from blueprints.membership.policy import GRACE_PERIOD, Access, Bill, access_of, bills_of, may_join, owed_since

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SUBSCRIPTION = SubscriptionState(
    id="sub_1", customer="cus_1", status="active", products=frozenset({"prod_1"}), prices=("price_1",),
    started_at=NOW - 10 * DAY, period_end_at=NOW + 20 * DAY, cancel_at=None, by_period_end=False, canceled_at=None,
    ended_at=None, void_while_paused=False,
)  # fmt: skip
BILL = Bill("in_1", "A-1", "sub_1", 490, 0, "usd", NOW - 10 * DAY, False)
INVOICE = InvoiceState(
    id="in_1", number="A-1", status="paid", subscription="sub_1", amount_cents=490, currency="usd",
    created_at=NOW - 10 * DAY, finalized_at=NOW - 10 * DAY, paid_at=NOW - 10 * DAY, intents=("pi_1",),
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "access"),
    [
        ({}, Access(True)),
        ({"status": "trialing"}, Access(True)),
        ({"cancel_at": NOW + 20 * DAY}, Access(True, NOW + 20 * DAY)),
        ({"status": "trialing", "cancel_at": NOW + DAY}, Access(True, NOW + DAY)),
        ({"void_while_paused": True}, Access(True, NOW + 20 * DAY)),
        ({"status": "past_due"}, Access(True, NOW - DAY + GRACE_PERIOD)),
        ({"status": "past_due", "cancel_at": NOW + DAY}, Access(True, NOW + DAY)),
        ({"status": "unpaid"}, Access(False)),
        ({"status": "paused"}, Access(False)),
        ({"status": "incomplete"}, Access(False)),
        ({"status": "incomplete_expired"}, Access(False)),
        ({"status": "canceled", "ended_at": NOW - DAY}, Access(False)),
        ({"status": "something new"}, Access(False)),
    ],
    ids=lambda value: str(value)[:40],
)
def test_access_follows_the_status(changes: dict[str, object], access: Access) -> None:
    subscription = replace(SUBSCRIPTION, **changes)  # type: ignore[arg-type]
    assert access_of(subscription, [BILL], NOW - DAY, NOW) == access


def test_a_full_refund_or_a_dispute_of_the_newest_payment_ends_access() -> None:
    old = replace(BILL, invoice="in_0", paid_at=NOW - 40 * DAY)
    assert access_of(SUBSCRIPTION, [replace(BILL, refunded_cents=490), old], None, NOW) == Access(False)
    assert access_of(SUBSCRIPTION, [replace(BILL, disputed=True), old], None, NOW) == Access(False)
    assert access_of(SUBSCRIPTION, [replace(BILL, refunded_cents=489), old], None, NOW) == Access(True)
    assert access_of(SUBSCRIPTION, [BILL, replace(old, refunded_cents=490, disputed=True)], None, NOW) == Access(True)
    other = replace(BILL, subscription="sub_2", refunded_cents=490)
    assert access_of(SUBSCRIPTION, [other, BILL], None, NOW) == Access(True)


def test_bills_are_what_was_paid_newest_first() -> None:
    invoices = [
        INVOICE,
        replace(INVOICE, id="in_2", paid_at=NOW, intents=("pi_2",)),
        replace(INVOICE, id="in_free", amount_cents=0),
        replace(INVOICE, id="in_open", status="open", paid_at=None),
    ]
    charges = [
        ChargeState("ch_0", "pi_1", 0, False), ChargeState("ch_1", "pi_1", 200, False),
        ChargeState("ch_2", "pi_2", 0, True), ChargeState("ch_3", None, 999, True),
    ]  # fmt: skip
    bills = bills_of(invoices, charges)
    assert [(bill.invoice, bill.refunded_cents, bill.disputed) for bill in bills] == [("in_2", 0, True), ("in_1", 200, False)]


def test_what_is_owed_is_owed_since_the_first_open_invoice_and_never_since_tomorrow() -> None:
    unpaid = replace(INVOICE, status="open", paid_at=None)
    later = replace(unpaid, id="in_2", finalized_at=NOW - DAY)
    assert owed_since([later, unpaid], "sub_1", NOW) == NOW - 10 * DAY
    assert owed_since([replace(unpaid, finalized_at=NOW + 40 * DAY)], "sub_1", NOW) == NOW
    assert owed_since([unpaid], "sub_2", NOW) == NOW


@pytest.mark.parametrize(
    ("status", "held", "may"),
    [
        (None, set(), True), ("canceled", set(), True), ("incomplete", set(), True), ("incomplete_expired", set(), True),
        ("paused", set(), True), ("active", set(), False), ("trialing", set(), False), ("past_due", set(), False),
        ("unpaid", set(), False), (None, {"vip"}, False), (None, {"gold"}, True),
    ],
)  # fmt: skip
def test_who_may_join(status: str | None, held: set[str], may: bool) -> None:
    assert (may_join("vip", status, frozenset(held)) is None) is may
