"""Webhooks: signed, retried, recorded, safe for several processes; and the modes that break them."""

import json
import threading
import time
from collections import Counter
from typing import Any

import pytest
import stripe

from stripe_sandbox import create_sandbox, delivery
from tests.stripe_sandbox.conftest import PUBLIC, SECRET, SITE, World


def test_every_delivery_is_signed_as_the_package_expects(world: World) -> None:
    customer = world.customer()
    assert world.delivered() == ["customer.created"]
    event = world.inbox[0]
    assert event.data.object["id"] == customer.id
    assert (event.api_version, event.livemode, event.pending_webhooks) == (stripe.api_version, False, 1)
    assert event.request.id.startswith("req_")
    assert world.api.events.retrieve(event.id).pending_webhooks == 0


def test_an_event_carries_the_idempotency_key_of_its_request(world: World) -> None:
    world.api.customers.create({"name": "A"}, {"idempotency_key": "mine"})
    world.delivered()
    assert world.inbox[0].request.idempotency_key == "mine"


def test_a_failed_delivery_is_tried_again_with_a_fresh_signature(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.customer()
    seen: list[str] = []
    monkeypatch.setattr(delivery, "RETRY_AFTER", (0.0, 0.0, 3600.0))

    def broken(url: str, body: bytes, headers: dict[str, str]) -> int:
        seen.append(headers["Stripe-Signature"])
        if len(seen) == 1:
            raise ConnectionError("nobody there")
        time.sleep(1.1)
        return 500

    assert world.sandbox.deliver_due(broken) == 0
    assert len(seen) == 3
    assert seen[0] != seen[2]
    with world.sandbox.store.read() as tx:
        rows = [dict(row) for row in tx.sql.execute("SELECT status, error FROM attempts ORDER BY at")]
        state = tx.sql.execute("SELECT state, attempts FROM deliveries").fetchone()
    assert [row["status"] for row in rows] == [None, 500, 500]
    assert rows[0]["error"] == "ConnectionError: nobody there"
    assert tuple(state) == ("pending", 3)


def test_a_delivery_is_given_up_after_its_last_try(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "RETRY_AFTER", (0.0,))
    world.customer()
    world.sandbox.deliver_due(lambda url, body, headers: 404)
    with world.sandbox.store.read() as tx:
        assert tx.sql.execute("SELECT state FROM deliveries").fetchone()[0] == "failed"
    assert world.delivered() == []


def test_a_crashed_delivery_is_taken_over_after_its_lease(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.customer()

    def crash(url: str, body: bytes, headers: dict[str, str]) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.sandbox.deliver_due(crash)
    assert world.delivered() == []
    later = time.time() + delivery.LEASE_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert world.sandbox.deliver_due(lambda url, body, headers: 200) == 1


def test_several_workers_deliver_each_event_once(world: World) -> None:
    for number in range(30):
        world.customer(name=str(number))
    got: Counter[bytes] = Counter()
    lock = threading.Lock()

    def post(url: str, body: bytes, headers: dict[str, str]) -> int:
        with lock:
            got[body] += 1
        return 200

    second = create_sandbox(
        world.sandbox.store.path, public_url=PUBLIC, webhook_url=f"{SITE}/webhooks/stripe", webhook_secret=SECRET
    )
    workers = [threading.Thread(target=sandbox.deliver_all, args=(post,)) for sandbox in (world.sandbox, second) * 2]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    second.close()
    assert len(got) == 30
    assert set(got.values()) == {1}


def test_the_thread_delivers_as_soon_as_something_happens(world: World) -> None:
    arrived = threading.Event()

    def post(url: str, body: bytes, headers: dict[str, str]) -> int:
        arrived.set()
        return 200

    world.sandbox.start_delivery_thread(post, interval=60)
    world.customer()
    assert arrived.wait(5)


def test_opening_the_file_again_keeps_one_configured_endpoint(world: World) -> None:
    again = create_sandbox(world.sandbox.store.path, public_url=PUBLIC, webhook_url=f"{SITE}/webhooks/stripe")
    assert len(world.api.webhook_endpoints.list().data) == 1
    moved = create_sandbox(world.sandbox.store.path, public_url=PUBLIC, webhook_url=f"{SITE}/elsewhere")
    assert [endpoint.url for endpoint in world.api.webhook_endpoints.list().data] == [f"{SITE}/elsewhere"]
    again.close()
    moved.close()


def test_opened_again_for_some_types_it_tells_of_those_alone(world: World) -> None:
    told: list[str] = []

    def post(url: str, body: bytes, headers: dict[str, str]) -> int:
        told.append(json.loads(body)["type"])
        return 200

    again = create_sandbox(
        world.sandbox.store.path, public_url=PUBLIC, webhook_url=f"{SITE}/webhooks/stripe", webhook_secret=SECRET,
        webhook_events={"customer.deleted"},
    )  # fmt: skip
    assert [endpoint.enabled_events for endpoint in world.api.webhook_endpoints.list().data] == [["customer.deleted"]]
    world.api.customers.delete(world.customer().id)
    again.deliver_all(post)
    again.close()
    assert told == ["customer.deleted"]


def test_an_endpoint_gets_the_types_it_asked_for_under_its_own_secret(world: World) -> None:
    made = world.api.webhook_endpoints.create({"url": "http://127.0.0.1:9/x", "enabled_events": ["customer.deleted"]})
    customer = world.customer()
    world.api.customers.delete(customer.id)
    got: dict[str, list[str]] = {}

    def post(url: str, body: bytes, headers: dict[str, str]) -> int:
        secret = made.secret if url.endswith("/x") else SECRET
        event = world.client.construct_event(body, headers["Stripe-Signature"], secret)
        got.setdefault(url, []).append(event.type)
        return 200

    world.sandbox.deliver_all(post)
    assert got["http://127.0.0.1:9/x"] == ["customer.deleted"]
    assert got[f"{SITE}/webhooks/stripe"] == ["customer.created", "customer.deleted"]
    assert "secret" not in world.api.webhook_endpoints.retrieve(made.id)
    assert world.api.webhook_endpoints.delete(made.id).deleted


def test_deliveries_can_be_doubled_held_lost_or_forged(world: World) -> None:
    sandbox = world.sandbox
    sandbox.set_delivery_mode("duplicated")
    world.customer()
    assert world.delivered() == ["customer.created"] * 2
    assert world.inbox[0].id == world.inbox[1].id
    sandbox.set_delivery_mode("held")
    world.customer()
    assert world.delivered() == []
    assert world.browser.post("/", data={"action": "release"}).status_code == 303
    assert world.delivered() == ["customer.created"]
    sandbox.set_delivery_mode("lost")
    world.customer()
    assert world.delivered() == []
    sandbox.set_delivery_mode("wrong-signature")
    world.customer()
    assert world.delivered() == []
    with sandbox.store.read() as tx:
        error = tx.sql.execute("SELECT last_error FROM deliveries ORDER BY id DESC").fetchone()[0]
    assert error.startswith("SignatureVerificationError")
    with pytest.raises(ValueError, match="nonsense"):
        sandbox.set_delivery_mode("nonsense")


def test_events_are_listed_by_type_and_time(world: World) -> None:
    world.member()
    assert [event.type for event in world.api.events.list({"type": "customer.subscription.*"}).data] == [
        "customer.subscription.created"
    ]
    wanted: Any = {"types": ["invoice.paid", "charge.succeeded"], "created": {"gte": world.sandbox.now() - 60}}
    assert [event.type for event in world.api.events.list(wanted).data] == ["invoice.paid", "charge.succeeded"]
    assert world.api.events.list({"delivery_success": True}).data == []
    world.delivered()
    assert world.api.events.list({"delivery_success": False}).data == []


def test_the_control_panel_shows_events_and_sends_them_again(world: World) -> None:
    world.member()
    world.delivered()
    event = world.inbox[-1]
    text = world.browser.get("/").text
    assert "checkout.session.completed" in text
    assert "rosa@example.test" in text
    world.browser.post("/", data={"action": "resend", "id": event.id})
    world.delivered()
    assert world.inbox[-1].id == event.id
