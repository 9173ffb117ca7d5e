"""What may come to the webhook's door, and what becomes of it."""

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
import stripe
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from werkzeug.test import TestResponse

from blueprints.membership.gateway import gateway
from core.db import db
from jobs import worker
from jobs.queue import MAX_ATTEMPTS
from models.job import Job
from models.membership import StripeEvent
from tests.conftest import examples
from tests.membership.conftest import Till

PATH = "/webhooks/stripe"


def event(identifier: str = "evt_1", **values: Any) -> dict[str, Any]:
    return {
        "id": identifier, "object": "event", "type": "customer.subscription.updated", "created": int(time.time()),
        "api_version": "2026-10-28.endive", "livemode": False,
        "data": {"object": {"id": "sub_1", "object": "subscription", "customer": "cus_unknown"}},
    } | values  # fmt: skip


def signed(body: bytes | str, secret: str | None = None, at: int | None = None) -> str:
    """A signature as Stripe makes it; of bytes that are no text it is made by hand."""
    moment = at if at is not None else int(time.time())
    key = secret or gateway().webhook_secrets[0]
    if isinstance(body, str):
        return str(stripe.WebhookSignature.generate_signature_header(body, key, moment))
    digest = hmac.new(key.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def send(app: Flask, body: bytes | str, signature: str | None) -> TestResponse:
    headers = {"Stripe-Signature": signature} if signature is not None else {}
    return app.test_client().post(PATH, data=body, headers=headers, content_type="application/json")


def stored() -> list[StripeEvent]:
    return list(db.session().scalars(select(StripeEvent).execution_options(populate_existing=True)))


def test_an_event_is_stored_once_however_often_it_comes(till: Till) -> None:
    body = json.dumps(event())
    assert [send(till.app, body, signed(body)).status_code for _ in range(3)] == [200, 200, 200]
    assert [row.id for row in stored()] == ["evt_1"]
    assert till.count(Job) == 1


def test_the_answer_carries_no_session(till: Till) -> None:
    body = json.dumps(event())
    answer = send(till.app, body, signed(body))
    assert "Set-Cookie" not in answer.headers


def test_an_event_for_somebody_unknown_is_ignored(till: Till) -> None:
    body = json.dumps(event())
    send(till.app, body, signed(body))
    worker.run_all()
    assert stored()[0].state == "ignored"


@pytest.mark.parametrize(
    "values",
    [{"livemode": True}, {"account": "acct_1"}, {"type": "radar.early_fraud_warning.created"}],
    ids=["another mode", "a connected account", "an unknown type"],
)
def test_what_is_not_ours_is_kept_and_left_alone(till: Till, values: dict[str, Any]) -> None:
    body = json.dumps(event(**values))
    assert send(till.app, body, signed(body)).status_code == 200
    assert stored()[0].state == "ignored"
    assert till.count(Job) == 0


@pytest.mark.once
@pytest.mark.parametrize(
    "body",
    [b"", b"no json", b"[]", b'"text"', b"null", b"17", b"\xff\xfe\x00", b"{}", b'{"id": "evt_1"}', b"[" * 100_000,
     b'{"object": "v2.core.event", "id": "evt_1", "type": "v1.customer.created"}',
     json.dumps(event(data=None)).encode(), json.dumps(event(data={"object": []})).encode(),
     json.dumps(event(created="soon")).encode(), json.dumps(event(created=10**30)).encode(),
     json.dumps(event("x" * 500)).encode(), json.dumps(event("")).encode(), json.dumps(event("evt_\x00")).encode(),
     json.dumps(event(type="y" * 500)).encode()],
    ids=lambda body: repr(body[:24]),
)  # fmt: skip
def test_a_hostile_body_is_refused_though_it_is_signed(till: Till, body: bytes) -> None:
    assert send(till.app, body, signed(body)).status_code == 400
    assert stored() == []


def test_only_our_signature_opens(till: Till) -> None:
    body = json.dumps(event())
    good = signed(body)
    now = int(time.time())
    wrong = [
        None, "", "t=,v1=", "t=1", "v1=abc", "nonsense", "t=abc,v1=def", "é", good.replace("v1", "v0"),
        signed(body, "whsec_another"), signed(body + " "), signed(body, at=now - 301), signed(body, at=now + 86_400),
        signed(body, at=10**18), good[:-1],
    ]  # fmt: skip
    for signature in wrong:
        assert send(till.app, body, signature).status_code == 400, signature
    assert stored() == []
    assert send(till.app, body, good).status_code == 200


def test_a_signature_header_in_strange_letters_is_refused(till: Till) -> None:
    answer = till.app.test_client().post(PATH, data=b"{}", environ_overrides={"HTTP_STRIPE_SIGNATURE": "t=1,v1=\xe9\xff"})
    assert answer.status_code == 400


def test_each_secret_opens_while_one_is_rotated(till: Till) -> None:
    door = gateway()
    standing = door.webhook_secrets
    body = json.dumps(event())
    try:
        door.webhook_secrets = ("whsec_new", *standing)
        assert send(till.app, body, signed(body, standing[0])).status_code == 200
        assert send(till.app, body, signed(body, "whsec_new")).status_code == 200
    finally:
        door.webhook_secrets = standing


def test_an_empty_secret_opens_to_nobody(till: Till) -> None:
    door = gateway()
    standing = door.webhook_secrets
    body = json.dumps(event())
    try:
        door.webhook_secrets = ()
        assert send(till.app, body, signed(body, "whsec_x")).status_code == 400
    finally:
        door.webhook_secrets = standing


def test_a_body_beyond_the_limit_is_refused(till: Till) -> None:
    body = json.dumps(event(padding="x" * 600_000))
    assert send(till.app, body, signed(body)).status_code == 413


def test_every_other_method_is_refused_without_a_redirect(till: Till) -> None:
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"):
        answer = till.app.test_client().open(PATH, method=method)
        assert answer.status_code == 405, method
        assert answer.headers["Allow"] == "POST"


def test_a_slash_at_the_end_is_no_other_address(till: Till) -> None:
    body = json.dumps(event())
    answer = till.app.test_client().post(PATH + "/", data=body, headers={"Stripe-Signature": signed(body)})
    assert answer.status_code == 200


def test_a_failure_is_shown_and_tried_again(till: Till, stripe_down: Any) -> None:
    user, browser = till.reader()
    till.pay(till.press(browser))
    till.sandbox.deliver_all(till.post_webhook)
    real = till.app.extensions["rejoinder_gateway"]
    stripe_down()
    worker.run_due(limit=100)
    failed = [row for row in stored() if row.state == "failed"]
    assert failed
    assert "could not be reached" in (failed[0].error or "")
    assert failed[0].tries == 1
    assert till.live(user) == []
    till.app.extensions["rejoinder_gateway"] = real
    result = till.app.test_cli_runner().invoke(args=["billing", "replay"])
    assert result.exit_code == 0, result.output
    assert till.live(user) == ["vip"]
    assert not [row for row in stored() if row.state == "failed"]
    assert MAX_ATTEMPTS > 1


@pytest.mark.once
def test_a_storm_of_events_needs_few_fetches(till: Till) -> None:
    _, browser = till.reader()
    till.pay(till.press(browser))
    till.sandbox.deliver_all(till.post_webhook)
    worker.run_all()
    done = [row for row in stored() if row.state == "done"]
    from models.membership import BillingCustomer

    row = db.session().scalar(select(BillingCustomer).execution_options(populate_existing=True))
    assert row is not None
    assert len(done) >= 4
    assert row.generation == 1


HEADERS = ("Content-Type", "Accept", "Cookie", "Origin", "Referer", "X-Requested-With", "X-CSRFToken", "Authorization")
PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
ANY_BODY = st.one_of(
    st.binary(max_size=2_000),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
            st.sampled_from(["id", "type", "object", "data", "created", "livemode", "account", "customer", "x"]), inner,
            max_size=6), max_leaves=20,
    ).map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries({
        "id": st.one_of(st.text(max_size=90), st.integers()), "type": st.one_of(st.text(max_size=90), st.none()),
        "created": st.one_of(st.integers(), st.text(max_size=5)), "livemode": st.one_of(st.booleans(), st.none()),
        "data": st.fixed_dictionaries({"object": st.dictionaries(
            st.sampled_from(["id", "object", "customer", "charge"]), st.none() | st.integers() | st.text(max_size=90))}),
    }).map(lambda value: json.dumps(value).encode()),
)  # fmt: skip


@pytest.mark.once
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=ANY_BODY, is_signed=st.booleans(), headers=st.dictionaries(st.sampled_from(HEADERS), PRINTABLE, max_size=4),
       query=st.sampled_from(["", "?next=//evil.example"]))  # fmt: skip
def test_anything_at_all_at_the_door_gets_a_plain_answer(
    till: Till, body: bytes, is_signed: bool, headers: dict[str, str], query: str
) -> None:
    """Whatever comes: no error of ours, no sign-in, no redirect, no session."""
    given = headers | ({"Stripe-Signature": signed(body)} if is_signed else {})
    answer = till.app.test_client().post(PATH + query, data=body, headers=given)
    assert answer.status_code in {200, 400}
    assert answer.mimetype == "text/plain"
    assert "Location" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    if not is_signed:
        assert answer.status_code == 400
    worker.run_all()
