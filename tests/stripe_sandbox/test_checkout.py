"""Joining: the hosted Checkout page and what follows from it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from tests.stripe_sandbox.conftest import SITE, World

PAID = [
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "payment_method.attached",
    "customer.subscription.created",
    "invoice.created",
    "invoice.finalized",
    "invoice.updated",
    "invoice.paid",
    "invoice.payment_succeeded",
    "invoice_payment.paid",
    "checkout.session.completed",
]
DECLINED = ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]


def test_a_paid_session_makes_a_subscription_and_returns_to_the_site(world: World) -> None:
    customer = world.customer()
    session = world.session(customer.id, client_reference_id="7", subscription_data={"metadata": {"reader": "7"}})
    world.delivered()
    answer = world.pay(session)
    assert answer.status_code == 303
    assert answer.location == f"{SITE}/join/complete?session={session.id}"
    done = world.api.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice.payments"]})
    assert (done.status, done.payment_status, done.client_reference_id, done.url) == ("complete", "paid", "7", None)
    assert done.subscription.status == "active"
    assert done.subscription.metadata["reader"] == "7"
    assert done.invoice.parent.subscription_details.subscription == done.subscription.id
    assert done.invoice.status == "paid"
    intent = done.invoice.payments.data[0].payment.payment_intent
    assert world.api.payment_intents.retrieve(intent).amount_received == 800
    assert world.delivered() == PAID


def test_the_period_is_on_the_item_and_a_month_long(world: World) -> None:
    _, subscription = world.member()
    item = subscription["items"].data[0]
    assert 28 * 86_400 <= item.current_period_end - item.current_period_start <= 31 * 86_400
    assert "current_period_end" not in subscription


@pytest.mark.parametrize(
    ("card", "reason", "sentence"),
    [
        ("declined", "generic_decline", "Your card was declined."),
        ("insufficient-funds", "insufficient_funds", "Your card has insufficient funds."),
    ],
)
def test_a_declined_card_leaves_the_session_open_and_nothing_behind(
    world: World, card: str, reason: str, sentence: str
) -> None:
    customer = world.customer()
    session = world.session(customer.id)
    world.delivered()
    assert sentence in world.refusal(world.pay(session, card), session)
    assert world.api.checkout.sessions.retrieve(session.id).status == "open"
    assert world.api.subscriptions.list({"customer": customer.id, "status": "all"}).data == []
    assert world.api.invoices.list({"customer": customer.id}).data == []
    assert world.delivered() == DECLINED
    error = world.inbox[-1].data.object["last_payment_error"]
    assert (error["code"], error["decline_code"]) == ("card_declined", reason)


def test_after_a_declined_card_another_one_pays(world: World) -> None:
    customer = world.customer()
    session = world.session(customer.id)
    world.pay(session, "declined")
    world.delivered()
    assert world.pay(session).location == f"{SITE}/join/complete?session={session.id}"
    assert world.delivered() == PAID[1:]
    assert len(world.api.subscriptions.list({"customer": customer.id}).data) == 1


def test_a_refusal_is_forgotten_with_the_next_try(world: World) -> None:
    session = world.session(world.customer().id)
    world.refusal(world.pay(session, "declined"), session)
    world.pay(session, "3d-secure")
    assert "declined." not in world.browser.get(f"/pay/{session.id}").text


def test_a_passed_3d_secure_check_completes_the_payment(world: World) -> None:
    session = world.session(world.customer().id)
    world.delivered()
    answer = world.pay(session, "3d-secure")
    assert (answer.status_code, answer.location) == (303, f"/pay/{session.id}/verify")
    assert "3-D Secure" in world.browser.get(answer.location).text
    assert world.api.subscriptions.list({"status": "all"}).data == []
    answer = world.browser.post(answer.location, data={"answer": "complete"})
    assert answer.location == f"{SITE}/join/complete?session={session.id}"
    assert world.delivered() == ["payment_intent.created", "payment_intent.requires_action", *PAID[1:]]


def test_a_failed_3d_secure_check_leaves_the_session_open(world: World) -> None:
    session = world.session(world.customer().id)
    world.delivered()
    world.pay(session, "3d-secure")
    answer = world.browser.post(f"/pay/{session.id}/verify", data={"answer": "fail"})
    assert "nothing was charged" in world.refusal(answer, session)
    assert world.delivered() == [DECLINED[0], "payment_intent.requires_action", *DECLINED[1:]]
    assert world.pay(session).status_code == 303


def test_closing_the_3d_secure_page_lets_the_reader_choose_again(world: World) -> None:
    session = world.session(world.customer().id)
    world.pay(session, "3d-secure")
    assert world.browser.get(f"/pay/{session.id}").status_code == 200
    assert world.pay(session, "works").status_code == 303
    assert len(world.api.subscriptions.list({"status": "all"}).data) == 1


def test_the_number_field_takes_a_listed_test_number(world: World) -> None:
    session = world.session(world.customer().id)
    answer = world.browser.post(f"/pay/{session.id}", data={"number": "4242 4242 4242 4242"})
    assert answer.status_code == 303


def test_any_other_number_is_refused_and_never_shown_again(world: World) -> None:
    session = world.session(world.customer().id)
    answer = world.browser.post(f"/pay/{session.id}", data={"number": "4111 1111 1111 1111"})
    text = world.refusal(answer, session)
    assert "not one of the test card numbers" in text
    assert "4111" not in text
    assert world.api.payment_methods.list().data == []


def test_the_page_says_what_is_bought_and_what_renews_when(world: World) -> None:
    session = world.session(world.customer().id)
    text = world.browser.get(f"/pay/{session.id}").text
    for expected in (
        "Demo payments: no money moves.",
        "Subscribe to VIP",
        "€8.00",
        "every month",
        "The next payment of €8.00 is on",
        "rosa@example.test",
        "Pay with a card that works",
        "Card is declined",
        "Insufficient funds",
        "3-D Secure check",
        f'href="{SITE}/join"',
    ):
        assert expected in text
    assert 'name="email"' not in text


def test_leaving_by_the_back_link_keeps_the_session_open(world: World) -> None:
    session = world.session(world.customer().id)
    world.delivered()
    world.browser.get(f"/pay/{session.id}")
    assert world.api.checkout.sessions.retrieve(session.id).status == "open"
    assert world.delivered() == []


def test_without_a_customer_the_payment_makes_one_with_the_typed_address(world: World) -> None:
    session = world.session()
    world.delivered()
    assert "Please enter your e-mail address." in world.refusal(world.pay(session, email="mo"), session)
    assert 'value="mo"' in world.browser.get(f"/pay/{session.id}").text
    assert "declined" in world.refusal(world.pay(session, "declined", email="mo@example.test"), session)
    assert world.pay(session, "works").status_code == 303
    done = world.api.checkout.sessions.retrieve(session.id, {"expand": ["customer"]})
    assert done.customer.email == "mo@example.test"
    assert world.delivered()[0] == "customer.created"
    assert len(world.api.customers.list().data) == 1


def test_an_unknown_an_expired_and_a_complete_session_have_their_own_pages(world: World) -> None:
    assert world.browser.get("/pay/cs_test_nothing").status_code == 404
    session = world.session(world.customer().id)
    world.api.checkout.sessions.expire(session.id)
    answer = world.browser.get(f"/pay/{session.id}")
    assert answer.status_code == 410
    assert "expired" in answer.text
    session = world.session(world.customer().id)
    world.pay(session)
    answer = world.browser.get(f"/pay/{session.id}")
    assert answer.status_code == 200
    assert "will not be charged again" in answer.text


def test_an_expired_session_cannot_be_paid(world: World) -> None:
    session = world.session(world.customer().id)
    world.delivered()
    world.sandbox.advance(24 * 3600)
    assert world.pay(session).status_code == 410
    assert world.api.checkout.sessions.retrieve(session.id).status == "expired"
    assert world.api.subscriptions.list({"status": "all"}).data == []
    assert world.delivered() == ["checkout.session.expired"]


def test_only_an_open_session_can_be_expired(world: World) -> None:
    session = world.session(world.customer().id)
    world.pay(session)
    with pytest.raises(stripe.InvalidRequestError, match="status of `complete`"):
        world.api.checkout.sessions.expire(session.id)


def test_a_second_click_returns_to_the_site_without_a_second_subscription(world: World) -> None:
    session = world.session(world.customer().id)
    first, second = world.pay(session), world.pay(session)
    assert first.location == second.location
    assert len(world.api.subscriptions.list({"status": "all"}).data) == 1


def test_two_tabs_paying_at_once_make_one_subscription(world: World) -> None:
    session = world.session(world.customer().id)
    start = threading.Barrier(6)

    def click(_: int) -> Any:
        start.wait()
        return World(world.sandbox).pay(session).status_code

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(click, range(6))) == [303] * 6
    assert len(world.api.subscriptions.list({"status": "all"}).data) == 1
    assert len(world.api.charges.list().data) == 1


def test_a_form_from_another_site_is_refused(world: World) -> None:
    session = world.session(world.customer().id)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        answer = world.browser.post(f"/pay/{session.id}", data={"card": "works"}, headers=headers)
        assert answer.status_code == 403
    assert world.api.checkout.sessions.retrieve(session.id).status == "open"
    same = {"Sec-Fetch-Site": "same-origin", "Origin": SITE}
    assert world.browser.post(f"/pay/{session.id}", data={"card": "works"}, headers=same).status_code == 303


def test_the_policy_lets_the_form_return_to_the_site_and_nowhere_else(world: World) -> None:
    session = world.session(world.customer().id)
    headers = world.browser.get(f"/pay/{session.id}").headers
    policy = headers["Content-Security-Policy"]
    assert f"form-action 'self' {SITE};" in policy
    assert "default-src 'none'" in policy
    assert headers["X-Frame-Options"] == "DENY"


def test_a_script_address_is_no_success_url(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.session(world.customer().id, success_url="javascript:alert(1)")
    assert (caught.value.code, caught.value.param) == ("url_invalid", "success_url")


def test_a_name_with_markup_is_shown_as_text(world: World) -> None:
    price = world.price(product_data={"name": "<script>alert(1)</script>"})
    session = world.session(world.customer().id, price.id)
    assert "<script>" not in world.browser.get(f"/pay/{session.id}").text


def test_line_items_are_listed_and_expanded(world: World) -> None:
    session = world.session(world.customer().id)
    listed = world.api.checkout.sessions.line_items.list(session.id)
    expanded = world.api.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]})
    assert listed.data[0].price.unit_amount == 800
    assert expanded.line_items.data[0].id == listed.data[0].id


def test_what_the_sandbox_does_not_play_is_refused_by_name(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.session(world.customer().id, automatic_tax={"enabled": True})
    assert (caught.value.code, caught.value.param) == ("sandbox_unsupported", "automatic_tax[enabled]")


def test_an_inactive_price_is_refused(world: World) -> None:
    price = world.price()
    world.api.prices.update(price.id, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        world.session(world.customer().id, price.id)
