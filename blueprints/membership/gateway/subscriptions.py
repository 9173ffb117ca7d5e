"""Subscriptions: what they are, and how they end and go on."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from blueprints.membership.gateway.line import PAGE_SIZE, Line
from blueprints.membership.gateway.reading import field, id_of, subscription_state
from blueprints.membership.gateway.values import (
    Missing,
    NextPayment,
    PlannedPrice,
    Refused,
    SubscriptionState,
    SwitchCost,
)


class SubscriptionCalls(Line):
    """Subscriptions: what they are, and how they end and go on."""

    def list_subscriptions(self, customer: str) -> list[SubscriptionState]:
        """Every Subscription of a Customer, ended ones included."""
        return [subscription_state(item) for item in self.every(
            "/v1/subscriptions", customer=customer, status="all",
            expand=["data.default_payment_method", "data.discounts.source.coupon"],
        )]  # fmt: skip

    def page_of_subscriptions(self, after: str | None) -> tuple[list[SubscriptionState], str | None]:
        """One page of all Subscriptions that have not ended, of whatever Customer, and the cursor of the next."""
        params: Any = {"limit": PAGE_SIZE} | ({"starting_after": after} if after else {})
        page = self.ask(lambda: self.v1.subscriptions.list(params))
        found = [subscription_state(item) for item in page.data]
        return found, found[-1].id if page.has_more and found else None

    def retrieve_subscription(self, subscription: str) -> SubscriptionState:
        """One Subscription as it is now. Raises Missing."""
        return subscription_state(self.ask(lambda: self.v1.subscriptions.retrieve(subscription)))

    def preview_next_payment(self, subscription: str) -> NextPayment | None:
        """What the next renewal will cost, or None when nothing will be charged."""
        try:
            preview: Any = self.ask(lambda: self.v1.invoices.create_preview({"subscription": subscription}))
        except Refused:
            return None
        off = sum(int(one.amount) for one in field(preview, "total_discount_amounts") or ())
        return NextPayment(int(preview.amount_due), str(preview.currency), off)

    def cancel_subscription(self, subscription: str) -> None:
        """End a Subscription at once; one that has ended already counts as done."""
        try:
            self.ask(lambda: self.v1.subscriptions.cancel(subscription))
        except Missing:
            return
        except Refused:
            if self.retrieve_subscription(subscription).status not in {"canceled", "incomplete_expired"}:
                raise

    def cancel_at_period_end(self, subscription: str) -> None:
        """Let a Subscription end when what was paid for is used up; what was planned for later is dropped first."""
        standing = self.retrieve_subscription(subscription)
        if standing.schedule:  # Stripe takes no cancellation beside a schedule
            self.release_schedule(standing.schedule)
        self.ask(lambda: self.v1.subscriptions.update(subscription, {"cancel_at_period_end": True}))

    def resume_subscription(self, subscription: SubscriptionState) -> None:
        """Take back a scheduled cancellation, in the form in which it was made."""
        change: Any = {"cancel_at_period_end": False} if subscription.by_period_end else {"cancel_at": ""}
        self.ask(lambda: self.v1.subscriptions.update(subscription.id, change))

    def preview_switch(
        self, subscription: SubscriptionState, price: str, at: datetime, quantity: int | None = None
    ) -> SwitchCost:
        """What changing to this price (and so many seats) would take at once, counted for that second. Raises Refused.
        """
        item: Any = {"id": subscription.item, "price": price} | ({"quantity": quantity} if quantity else {})
        preview: Any = self.ask(lambda: self.v1.invoices.create_preview({
            "subscription": subscription.id,
            "subscription_details": {
                "items": [item], "proration_behavior": "always_invoice", "proration_date": int(at.timestamp()),
            },
        }))  # fmt: skip
        return SwitchCost(int(preview.amount_due), str(preview.currency), at)

    def switch_now(
        self, subscription: SubscriptionState, price: str, at: datetime, idempotency_key: str,
        quantity: int | None = None,
    ) -> None:  # fmt: skip
        """Change to this price (and so many seats) and bill the difference at once, counted for that second.

        Where the payment does not go through, nothing changes, and Refused says why.
        """
        item: Any = {"id": subscription.item, "price": price} | ({"quantity": quantity} if quantity else {})
        self.ask(lambda: self.v1.subscriptions.update(
            subscription.id,
            {
                "items": [item], "proration_behavior": "always_invoice",
                "proration_date": int(at.timestamp()), "payment_behavior": "error_if_incomplete",
            },
            {"idempotency_key": idempotency_key},
        ))  # fmt: skip

    def change_price(self, subscription: SubscriptionState, price: str, idempotency_key: str) -> SubscriptionState:
        """Let the next renewal ask this price. Nothing is charged or credited now; the period stays as it is."""
        return subscription_state(self.ask(lambda: self.v1.subscriptions.update(
            subscription.id,
            {"items": [{"id": subscription.item, "price": price}], "proration_behavior": "none"},
            {"idempotency_key": idempotency_key},
        )))  # fmt: skip

    def switch_at_period_end(
        self, subscription: SubscriptionState, price: str, interval: str, key: str, quantity: int | None = None
    ) -> None:
        """Let this price (and so many seats) follow when the running period ends, and the Subscription go on so."""
        schedule: Any = None
        if subscription.schedule:
            schedule = self.ask(lambda: self.v1.subscription_schedules.retrieve(subscription.schedule or ""))
        else:
            schedule = self.ask(lambda: self.v1.subscription_schedules.create(
                {"from_subscription": subscription.id}, {"idempotency_key": f"schedule:{key}"}))  # fmt: skip
        running = schedule.phases[0]
        phases: Any = [
            {
                "items": [{"price": id_of(one.price) or "", "quantity": one.quantity or 1} for one in running["items"]],
                "start_date": running.start_date, "end_date": running.end_date,
            },
            {
                "items": [{"price": price, "quantity": quantity or subscription.quantity}],
                "duration": {"interval": interval, "interval_count": 1}, "proration_behavior": "none",
            },
        ]  # fmt: skip
        self.ask(lambda: self.v1.subscription_schedules.update(
            str(schedule.id), {"end_behavior": "release", "proration_behavior": "none", "phases": phases}))  # fmt: skip

    def pause_until(self, subscription: str, resumes_at: datetime) -> None:
        """Let the invoices until then be void; the Subscription goes on by itself. Its status stays what it is."""
        pause: Any = {"behavior": "void", "resumes_at": int(resumes_at.timestamp())}
        self.ask(lambda: self.v1.subscriptions.update(subscription, {"pause_collection": pause}))

    def end_pause(self, subscription: str) -> None:
        """Collect again from the next invoice on."""
        self.ask(lambda: self.v1.subscriptions.update(subscription, {"pause_collection": ""}))

    def preview_restart(self, subscription: str) -> NextPayment:
        """What beginning a new period at once would take. Raises Refused."""
        preview: Any = self.ask(lambda: self.v1.invoices.create_preview({
            "subscription": subscription,
            "subscription_details": {"billing_cycle_anchor": {"type": "now"}, "proration_behavior": "none"},
        }))  # fmt: skip
        return NextPayment(int(preview.amount_due), str(preview.currency))

    def restart(self, subscription: str, idempotency_key: str) -> None:
        """End a pause, begin a new period at once and bill it. Where the payment does not go through, nothing changes,
        and Refused says why."""
        self.ask(lambda: self.v1.subscriptions.update(
            subscription,
            {
                "pause_collection": "", "billing_cycle_anchor": {"type": "now"}, "proration_behavior": "none",
                "payment_behavior": "error_if_incomplete",
            },
            {"idempotency_key": idempotency_key},
        ))  # fmt: skip

    def planned_price(self, schedule: str) -> PlannedPrice | None:
        """The price that a schedule brings next; None when nothing else is to come."""
        try:
            found: Any = self.ask(lambda: self.v1.subscription_schedules.retrieve(schedule))
        except Missing:
            return None
        if found.status not in {"active", "not_started"} or found.current_phase is None:
            return None
        following = next((one for one in found.phases if one.start_date == found.current_phase.end_date), None)
        if following is None:
            return None
        item = following["items"][0]
        starts_at = datetime.fromtimestamp(int(following.start_date), UTC)
        return PlannedPrice(id_of(item.price) or "", starts_at, int(item.quantity or 1))

    def release_schedule(self, schedule: str) -> None:
        """Drop what was planned; a schedule that is over counts as done."""
        with suppress(Refused):
            self.ask(lambda: self.v1.subscription_schedules.release(schedule))
