"""Writing what Stripe says into our tables; letters and jobs come from the difference to what stood there."""

from datetime import datetime, timedelta

from blueprints.membership import (
    queries,
    queries_catalogue,
    queries_checkout,
    queries_entitlements,
    queries_payments,
    queries_subscriptions,
)
from blueprints.membership.agreements import withdraw_path
from blueprints.membership.bookkeeping import Bookkeeper
from blueprints.membership.dunning_letters import last_word_at, letter_for, next_try
from blueprints.membership.gateway import SubscriptionState
from blueprints.membership.gifts_sync import write_gifts
from blueprints.membership.leaving_asked import ask_to_end
from blueprints.membership.mails import mail_about
from blueprints.membership.picture import Picture
from blueprints.membership.policy import (
    ENDED,
    GRACE_PERIOD,
    NO_ACCESS,
    OWING,
    RUNNING,
    Access,
    access_of,
    owed_since,
    paid_until,
)
from blueprints.membership.queries_agreements import joined_under, withdrawn
from blueprints.membership.queries_rises import is_rise
from blueprints.membership.seats_follow import follow_soon
from blueprints.membership.service import settle_membership
from blueprints.membership.signals import membership_changed_signal
from core import clock
from core.db import db
from core.rendering import date
from jobs.queue import enqueue
from models.membership import BillingCustomer, CheckoutAttempt, Entitlement, Payment, Subscription
from models.user import User

AFTER_THE_END = timedelta(minutes=1)


class Writer:
    """Writes one picture into the tables, inside one transaction."""

    def __init__(self, row: BillingCustomer, picture: Picture, reason: str) -> None:
        self.row = row
        self.picture = picture
        self.reason = reason
        self.now = clock.now()
        self.person: User | None = None
        self.changed = False
        self.resumed: set[str] = set()
        self.lost: set[str] = set()  # Subscriptions whose member was told by a letter of its own

    def write(self) -> None:
        self.person = queries.lock_person(self.row.user_id)
        self._close_attempt()
        if self.picture.customer.deleted and self.row.deleted_at is None:
            self.row.deleted_at = self.now
        mirrors = queries_subscriptions.subscriptions_of(self.row.id)
        second = self._second_ones()
        plans: dict[int, str] = {}
        granting: dict[int, str] = {}  # of two that began in one second, the letters are about the one that gives
        for state in self.picture.subscriptions:
            mirror = mirrors.pop(state.id, None)
            plan_before = mirror.plan_id if mirror else None
            price_before = mirror.price_id if mirror else None
            seats_before = mirror.quantity if mirror else 1
            paused_before = mirror is not None and mirror.is_paused
            status_before, since_before = (mirror.status, mirror.past_due_since) if mirror else (None, None)
            given_up = state.cancel_at if mirror and mirror.cancel_at is None and state.status in RUNNING else None
            mirror = self._mirror(state, mirror)
            access = NO_ACCESS if state.id in second else self._access(state, mirror)
            self._entitle(state.id, mirror.plan_id, state.started_at, access)
            if max(seats_before, mirror.quantity) > 1:
                follow_soon(self.row.mode, state.id)
            if paused_before and not mirror.is_paused:
                self.resumed.add(state.id)
            if mirror.is_paused and not paused_before and access.ends_at is not None:
                self._mail("paused", state.id, f"{self.now:%Y-%m-%dT%H:%M}", mirror.plan_id, access.ends_at,
                           resumes_on=date(state.resumes_at) if state.resumes_at else "")  # fmt: skip
            about = dict.fromkeys((plan_before or mirror.plan_id, mirror.plan_id), state.id)
            plans |= about
            granting |= about if access.granted else {}
            self._dun(status_before, state, mirror, mirror.past_due_since or since_before, access)
            new_price = price_before and mirror.price_id and mirror.price_id != price_before
            if new_price and state.status in RUNNING and not self._is_rise(state.id, price_before, mirror.price_id):
                self._mail("switched", state.id, f"{mirror.price_id}:{self.now:%Y-%m-%d}", mirror.plan_id)
            if given_up is not None:
                asked_at = state.canceled_at or self.now
                self._mail("cancelled", state.id, f"{asked_at:%Y-%m-%dT%H:%M:%S}", mirror.plan_id, given_up)
        for gone in mirrors.values():
            self._end(gone)
            if gone.quantity > 1:
                follow_soon(self.row.mode, gone.stripe_id)
            plans[gone.plan_id] = gone.stripe_id
        self._write_payments()
        write_gifts(self.picture.gifts, self.now)
        db.session().flush()
        self._keep_books(mirrors)
        self._settle(plans | granting)
        for subscription in second:
            enqueue("stripe.cancel-duplicate", key=f"duplicate:{subscription}", customer=self.row.stripe_id,
                    subscription=subscription)  # fmt: skip
        self._end_for_who_left()
        if self.changed:
            membership_changed_signal.send(None, user_id=self.row.user_id)

    def _dun(
        self, before: str | None, state: SubscriptionState, mirror: Subscription, since: datetime | None, access: Access
    ) -> None:
        """Tell of a payment that is missing, of the loss that follows, and of the payment that came after all."""
        kind = letter_for(before, state, since, access, self.now)
        if kind is not None and since is not None:
            tried = date(mirror.next_try_at) if mirror.next_try_at else ""
            self._mail(kind, state.id, f"{since:%Y-%m-%d}", mirror.plan_id, since + GRACE_PERIOD, next_try=tried)
        if kind == "past-due" and since is not None and last_word_at(since) > self.now:
            due = last_word_at(since) + AFTER_THE_END
            enqueue("stripe.sync", key=f"sync:{self.row.stripe_id}:{due:%Y%m%d%H%M}", run_at=due,
                    customer=self.row.stripe_id, reason="the last word before access ends")  # fmt: skip
        if kind == "lost":
            self.lost.add(state.id)
        elif before in OWING and state.ended_unpaid:
            self._mail("ended", state.id, "", mirror.plan_id, unpaid=True)

    def _is_rise(self, subscription: str, before: int | None, after: int | None) -> bool:
        """Whether the paper changed the price, of which the member was told in a letter of its own."""
        return is_rise(self.row.mode, subscription, before or 0, after or 0)

    def _second_ones(self) -> list[str]:
        """Running Subscriptions beyond the oldest: paid twice, in two tabs. One that will end by itself is let be."""
        running = [state for state in self.picture.subscriptions if state.status in RUNNING and state.cancel_at is None]
        return [state.id for state in running[1:]]

    def _mirror(self, state: SubscriptionState, mirror: Subscription | None) -> Subscription:
        if mirror is None:
            mirror = Subscription(mode=self.row.mode, stripe_id=state.id, customer_id=self.row.id, past_due_since=None)
            db.session().add(mirror)
        product = next(iter(state.products & self.picture.plan_ids.keys()))
        mirror.plan_id = self.picture.plan_ids[product]
        known = (self.picture.price_ids.get(price) for price in state.prices)
        mirror.price_id = next((price for price in known if price is not None), None)
        mirror.next_try_at = next_try(self.picture.invoices, state.id) if state.status in OWING else None
        if state.status in OWING:
            since = owed_since(self.picture.invoices, state.id, self.now)
            mirror.past_due_since = min(since, mirror.past_due_since or since)
        else:
            mirror.past_due_since = None
        mirror.status, mirror.started_at, mirror.fetched_at = state.status, state.started_at, self.now
        mirror.current_period_end_at, mirror.cancel_at = state.period_end_at, state.cancel_at
        mirror.canceled_at, mirror.ended_at = state.canceled_at, state.ended_at
        preview = self.picture.next_payments.get(state.id)
        mirror.next_payment_cents = preview.amount_cents if preview else None
        mirror.next_payment_currency = preview.currency if preview else None
        mirror.next_discount_cents = preview.discount_cents if preview else None
        mirror.item, mirror.quantity, mirror.trial_ends_at = state.item, state.quantity, state.trial_ends_at
        planned = self.picture.planned.get(state.id)
        mirror.schedule = state.schedule if planned else None
        mirror.next_price_id = self.picture.price_ids.get(planned.price) if planned else None
        mirror.next_price_at = planned.starts_at if planned else None
        mirror.next_quantity = planned.quantity if planned else None
        mirror.is_paused = state.void_while_paused and state.status in RUNNING
        mirror.pause_resumes_at = state.resumes_at if mirror.is_paused else None
        card = state.card or self.picture.card
        mirror.card, mirror.card_expires = (card.name, card.expires) if card else (None, None)
        return mirror

    def _access(self, state: SubscriptionState, mirror: Subscription) -> Access:
        paid = paid_until(self.picture.invoices, state.id)
        refund_ends, dispute_ends = queries_entitlements.ends_of_access()
        return access_of(
            state, self.picture.bills, mirror.past_due_since, self.now, paid, refund_ends=refund_ends,
            dispute_ends=dispute_ends,
        )  # fmt: skip

    def _entitle(self, subscription: str, plan_id: int, started_at: datetime, access: Access) -> None:
        """Give, change or end what a Subscription gives."""
        reference = f"{self.row.mode}:{subscription}"
        entitlement = queries_entitlements.entitlement_from("stripe", reference)
        over = not access.granted or (access.ends_at is not None and access.ends_at <= self.now)
        if entitlement is None:
            if over:
                return
            entitlement = Entitlement(
                user_id=self.row.user_id, plan_id=plan_id, source="stripe", source_ref=reference,
                starts_at=min(started_at, self.now), ends_at=access.ends_at,
            )  # fmt: skip
            db.session().add(entitlement)
            self.changed = True
        elif over:
            if entitlement.ends_at is None or entitlement.ends_at > self.now:
                entitlement.ends_at = self.now
                self.changed = True
        elif (entitlement.plan_id, entitlement.ends_at) != (plan_id, access.ends_at):
            entitlement.plan_id, entitlement.ends_at = plan_id, access.ends_at
            self.changed = True
        if self.changed and entitlement.ends_at is not None and entitlement.ends_at > self.now:
            due = entitlement.ends_at + AFTER_THE_END
            enqueue("stripe.sync", key=f"sync:{self.row.stripe_id}:{due:%Y%m%d%H%M}", run_at=due,
                    customer=self.row.stripe_id, reason="the end of access")  # fmt: skip

    def _end(self, mirror: Subscription) -> None:
        """A Subscription that Stripe no longer knows."""
        if mirror.status not in ENDED:
            mirror.status, mirror.ended_at, mirror.fetched_at = "canceled", self.now, self.now
            mirror.past_due_since = mirror.next_payment_cents = mirror.next_payment_currency = None
            mirror.next_discount_cents = None
        self._entitle(mirror.stripe_id, mirror.plan_id, mirror.started_at, NO_ACCESS)

    def _write_payments(self) -> None:
        known = queries_payments.payments_by_invoice(self.row.id)
        for bill in self.picture.bills:
            payment = known.get(bill.invoice)
            if payment is None:
                payment = Payment(mode=self.row.mode, customer_id=self.row.id, invoice_id=bill.invoice)
                db.session().add(payment)
            payment.subscription_id, payment.number = bill.subscription, bill.number
            payment.amount_cents, payment.refunded_cents = bill.amount_cents, bill.refunded_cents
            payment.currency, payment.paid_at = bill.currency, bill.paid_at

    def _keep_books(self, gone: dict[str, Subscription]) -> None:
        """Note what the Customer's Subscriptions bring in now, and what was billed for them."""
        books = Bookkeeper(self.row, self.now)
        standing = queries_subscriptions.subscriptions_of(self.row.id)
        for state in self.picture.subscriptions:
            books.keep(state, standing[state.id], self.picture.invoices)
        for mirror in gone.values():
            books.end(mirror)
        db.session().flush()

    def _settle(self, plans: dict[int, str]) -> None:
        """Begin and end Memberships, and say so to the reader."""
        ended: list[tuple[str, int]] = []
        joined: list[tuple[str, int]] = []
        for plan_id, subscription in plans.items():
            outcome = settle_membership(self.row.user_id, plan_id)
            if outcome == "joined":
                joined.append((subscription, plan_id))
            elif outcome == "ended":
                ended.append((subscription, plan_id))
        for subscription, plan_id in joined:
            self._link(subscription, plan_id)
            if subscription in self.resumed:
                self._mail("resumed", subscription, f"{self.now:%Y-%m-%d}", plan_id)
            else:
                self._mail("welcome", subscription, "", plan_id)
        gave_up = withdrawn(self.row.mode, self.row.user_id)
        gave_up |= {state.id for state in self.picture.subscriptions if state.void_while_paused}  # it goes on
        ended = [one for one in ended if one[0] not in gave_up | self.lost]
        if ended and not queries_entitlements.plans_held(self.row.user_id, self.now):
            self._mail("ended", ended[0][0], "", ended[0][1])

    def _link(self, subscription: str, plan_id: int) -> None:
        entitlement = queries_entitlements.entitlement_from("stripe", f"{self.row.mode}:{subscription}")
        live = queries_entitlements.live_membership(self.row.user_id, plan_id)
        if entitlement is not None and live is not None:
            entitlement.membership_id = live.id

    def _close_attempt(self) -> None:
        """What became of the open checkout."""
        if self.picture.attempt_id is None:
            return
        attempt = queries_checkout.lock_attempt(self.picture.attempt_id)
        session = self.picture.session
        if attempt is None or attempt.state != "open" or session is None or session.status == "open":
            return
        close_attempt(attempt, session.status)

    def _end_for_who_left(self) -> None:
        """Somebody who deleted their account pays no more, whatever was bought meanwhile."""
        left = self.person is None or self.person.deleted_at is not None
        if left and any(state.status not in ENDED for state in self.picture.subscriptions):
            ask_to_end(self.row.mode, self.row.user_id)

    def _mail(
        self, kind: str, subscription: str, mark: str, plan_id: int, ends_at: datetime | None = None, **more: str | bool
    ) -> None:
        person = self.person
        if person is None or person.deleted_at is not None:
            return
        plan_name = queries_catalogue.plan_names()[plan_id]
        back = queries_checkout.latest_return_path(self.row.mode, self.row.user_id)
        key = ":".join(filter(None, (kind, self.row.mode, subscription, mark)))
        mail_about(
            person, kind, plan_name, key, back=back or "/account/membership", ends_on=date(ends_at) if ends_at else "",
            terms=joined_under(self.row.user_id), withdraw=withdraw_path(self.row.mode, subscription, person.id),
            **more,
        )  # fmt: skip


def close_attempt(attempt: CheckoutAttempt, state: str) -> None:
    """Note how a checkout ended: complete, expired or failed."""
    attempt.state = state
    attempt.finished_at = clock.now()
