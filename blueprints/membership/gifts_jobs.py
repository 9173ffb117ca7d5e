"""What a gift does later: goes out on its day, begins and ends, gives its money back. Each is safe to run twice."""

from blueprints.membership import gifts, gifts_mails, manage, queries, queries_customers, queries_gifts, sync
from blueprints.membership.gateway import gateway
from blueprints.membership.service import settle_membership
from blueprints.membership.signals import membership_changed_signal
from core import clock
from core.db import transaction
from jobs.queue import handler


@handler("gift.send")
def send(gift_id: int, link_number: int) -> None:
    """The mail to who gets it, unless it was taken, taken back, or is sent elsewhere by now."""
    with transaction():
        gift = queries_gifts.lock_gift(gift_id)
        if gift is None or gift.state != "paid" or gift.link_number != link_number or not gifts.stands(gift):
            return
        view = queries_gifts.gift_view(gift_id)
        if gift.sent_at is None and view is not None:
            gift.sent_at = clock.now()
            gifts_mails.given(view, gifts.path_of(gift_id, link_number))


@handler("gift.stop-renewal")
def stop_renewal(gift_id: int) -> None:
    """Let a paid membership that is in a gift's way end with its period; the gift then follows it."""
    gift = queries_gifts.gift_view(gift_id)
    if gift is None or gift.redeemed_by is None or (gift.starts_at is not None and gift.starts_at <= clock.now()):
        return
    state = manage.viewer_billing_state(gift.redeemed_by)
    if state is None or state.is_ending or not (state.is_running or state.is_owing):
        return
    manage.cancel(gift.redeemed_by)


@handler("gift.refund")
def refund(gift_id: int) -> None:
    """Give back what was paid for a gift that was taken back."""
    stripe, gift = gateway(), queries_gifts.watched_gift(gift_id)
    if gift is None or gift.intent is None or gift.mode != stripe.mode:
        return
    customer = queries_customers.customer_of(stripe.mode, gift.giver_id)
    stripe.refund(gift.intent, f"refund:{gift.intent}", reason="requested_by_customer")
    if customer is not None:
        sync.sync_customer(customer.stripe_id, "gift taken back")


@handler("gift.place")
def place(user_id: int) -> None:
    """A gift fell, or stands again."""
    with transaction():
        if gifts.place(user_id):
            membership_changed_signal.send(None, user_id=user_id)


@handler("gift.turn")
def turn(gift_id: int) -> None:
    """A gift begins or ends by itself: begin or end the Membership, and say so at the end."""
    with transaction():
        view = queries_gifts.gift_view(gift_id)
        if view is None or view.redeemed_by is None or (plan := queries_gifts.plan_of(gift_id)) is None:
            return
        person = queries.lock_person(view.redeemed_by)
        outcome = settle_membership(view.redeemed_by, plan)
        if outcome is not None:
            membership_changed_signal.send(None, user_id=view.redeemed_by)
        is_over = view.ends_at is not None and view.ends_at <= clock.now()
        if outcome == "ended" and is_over and person is not None and person.deleted_at is None:
            gifts_mails.over(view, person)
