"""The wire: keys, errors, unknown parameters, idempotency, paging and expansion."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from stripe_sandbox.routes import ENDPOINTS
from stripe_sandbox.wire import parse_form
from tests.stripe_sandbox.conftest import World


def test_a_request_without_a_key_is_refused(world: World) -> None:
    answer = world.browser.get("/v1/customers")
    assert answer.status_code == 401
    assert "did not provide an API key" in answer.json["error"]["message"]
    assert answer.headers["Request-Id"].startswith("req_")


def test_a_wrong_and_a_live_key_are_refused(world: World) -> None:
    for key, words in (("sk_test_other_key", "Invalid API Key"), ("sk_live_sandbox", "refuses live keys")):
        answer = world.browser.get("/v1/customers", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 401
        assert words in answer.json["error"]["message"]
        assert key not in answer.text


def test_the_key_may_come_as_basic_credentials(world: World) -> None:
    assert world.browser.get("/v1/customers", auth=("sk_test_sandbox", "")).status_code == 200


def test_no_call_without_parameters_is_an_error_of_the_sandbox(world: World) -> None:
    world.member()
    for endpoint in ENDPOINTS:
        answer = world.raw(endpoint.method, re.sub(r"{\w+}", "x", endpoint.pattern))
        assert answer.status_code < 500, endpoint.pattern


def test_a_live_key_cannot_be_configured(tmp_path: Any) -> None:
    from stripe_sandbox import create_sandbox

    with pytest.raises(ValueError, match="live"):
        create_sandbox(tmp_path / "x.db", public_url="http://127.0.0.1", api_keys=["sk_live_x"])


def test_an_unknown_address_answers_in_stripes_shape(world: World) -> None:
    for method, path in (("GET", "/v1/nothing"), ("DELETE", "/v1/prices/price_1"), ("GET", "/v1/customers/")):
        answer = world.raw(method, path)
        assert answer.status_code == 404
        assert answer.json["error"]["message"].startswith(f"Unrecognized request URL ({method}: {path})")


def test_a_missing_resource_is_404_in_the_path_and_400_in_a_parameter(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.api.customers.retrieve("cus_nobody")
    error = caught.value
    assert (error.http_status, error.code, error.param) == (404, "resource_missing", "id")
    assert error.user_message == "No such customer: 'cus_nobody'"
    assert error.request_id.startswith("req_")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.session("cus_nobody")
    assert (caught.value.http_status, caught.value.param) == (400, "customer")


def test_another_api_version_is_refused(world: World) -> None:
    answer = world.raw("GET", "/v1/customers", Stripe_Version="2020-08-27")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "code", "param"),
    [
        ("customers", "bogus=1", "parameter_unknown", "bogus"),
        ("customers", "address[bogus]=1", "parameter_unknown", "address[bogus]"),
        ("checkout/sessions", "subscription_data[bogus]=1", "parameter_unknown", "subscription_data[bogus]"),
        ("checkout/sessions", "payment_method_types[0]=card", "parameter_unknown", "payment_method_types"),
        ("checkout/sessions", "line_items[0][price][x]=1", None, "line_items[0][price]"),
        ("checkout/sessions", "line_items[0][quantity]=x", "parameter_invalid_integer", "line_items[0][quantity]"),
        ("checkout/sessions", "mode=forever", None, "mode"),
        ("checkout/sessions", "ui_mode=hosted", None, "ui_mode"),
        ("checkout/sessions", "line_items=3", None, "line_items"),
        ("prices", "unit_amount=800", "parameter_missing", "currency"),
        ("prices", "currency=eur&unit_amount=8.5", "parameter_invalid_integer", "unit_amount"),
        ("prices", "currency=eur&unit_amount=", "parameter_invalid_integer", "unit_amount"),
        ("prices", "currency=eur&recurring[interval]=eon", None, "recurring[interval]"),
        ("products", "name=", "parameter_invalid_empty", "name"),
        ("products", "name=x&active=yes", None, "active"),
        ("promotion_codes", "coupon=ten", "parameter_unknown", "coupon"),
        ("subscriptions", "coupon=ten", "parameter_unknown", "coupon"),
        ("subscriptions/sub_1", "billing_cycle_anchor=now", None, "billing_cycle_anchor"),
    ],
)
def test_what_the_package_does_not_know_is_refused(
    world: World, path: str, body: str, code: str | None, param: str
) -> None:
    answer = world.raw("POST", f"/v1/{path}", body)
    error = answer.json["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error.get("code"), error["param"]) == (code, param)
    if code:
        assert error["doc_url"].endswith(code.replace("_", "-"))


def test_lists_may_be_spelled_with_and_without_positions(world: World) -> None:
    for number in (1, 2):
        world.price(lookup_key=f"key_{number}")
    for query in ("lookup_keys[0]=key_1&lookup_keys[1]=key_2", "lookup_keys[]=key_1&lookup_keys[]=key_2"):
        assert len(world.raw("GET", f"/v1/prices?{query}").json["data"]) == 2


def test_bracket_bodies_become_nested_values() -> None:
    assert parse_form("a[b][c]=1&a[d]=2&e=&f[0][g]=3") == {
        "a": {"b": {"c": "1"}, "d": "2"},
        "e": "",
        "f": {"0": {"g": "3"}},
    }
    assert parse_form("l[][a]=1&l[][b]=2&l[][a]=3") == {"l": {"0": {"a": "1", "b": "2"}, "1": {"a": "3"}}}


def test_a_conflicting_or_bottomless_body_is_refused(world: World) -> None:
    for body in ("metadata=1&metadata[a]=2", "metadata[a]=2&metadata=1", "a" + "[b]" * 60 + "=1"):
        assert world.raw("POST", "/v1/customers", body).status_code == 400


def test_the_same_key_replays_the_answer(world: World) -> None:
    first = world.raw("POST", "/v1/customers", "email=a@example.test", Idempotency_Key="k1")
    second = world.raw("POST", "/v1/customers", "email=a@example.test", Idempotency_Key="k1")
    assert first.get_data() == second.get_data()
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Original-Request"] == first.headers["Request-Id"]
    assert len(world.api.customers.list().data) == 1


def test_the_same_key_with_other_parameters_is_refused(world: World) -> None:
    options = {"idempotency_key": "k1"}
    world.api.customers.create({"email": "a@example.test"}, options)
    with pytest.raises(stripe.IdempotencyError) as caught:
        world.api.customers.create({"email": "b@example.test"}, options)
    assert caught.value.http_status == 400


def test_a_key_replays_a_refusal_of_the_work_but_not_of_the_parameters(world: World) -> None:
    for body, replayed in (("price=price_none", True), ("bogus=1", False)):
        for _ in range(2):
            answer = world.raw(
                "POST",
                "/v1/checkout/sessions",
                "mode=subscription&success_url=http://x.test&line_items[0][quantity]=1&line_items[0][price]=price_none"
                if replayed
                else body,
                Idempotency_Key=f"key-{replayed}",
            )
        assert ("Idempotent-Replayed" in answer.headers) is replayed
        assert answer.status_code == 400


def test_a_key_still_in_use_answers_409(world: World) -> None:
    with world.sandbox.store.write() as tx:
        tx.sql.execute(
            "INSERT INTO idempotency VALUES ('k', (SELECT 'x'), 'running', ?, ?, 'req_1', NULL, NULL)",
            (time.time(), tx.now),
        )
        import hashlib

        fingerprint = hashlib.sha256(b'POST /v1/customers {"name": "A"}').hexdigest()
        tx.sql.execute("UPDATE idempotency SET fingerprint = ?", (fingerprint,))
    answer = world.raw("POST", "/v1/customers", "name=A", Idempotency_Key="k")
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "idempotency_key_in_use")


def test_many_requests_with_one_key_do_the_work_once(world: World) -> None:
    def send(_: int) -> tuple[int, str]:
        answer = World(world.sandbox).raw("POST", "/v1/customers", "name=A", Idempotency_Key="race")
        return answer.status_code, answer.json.get("id", "")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert {status for status, _ in answers} <= {200, 409}
    assert len({identifier for status, identifier in answers if status == 200}) == 1
    assert len(world.api.customers.list().data) == 1


def test_a_key_is_free_again_after_a_day(world: World) -> None:
    first = world.raw("POST", "/v1/customers", "name=A", Idempotency_Key="k").json["id"]
    world.sandbox.advance(24 * 3600)
    assert world.raw("POST", "/v1/customers", "name=A", Idempotency_Key="k").json["id"] != first


def test_lists_come_in_pages_newest_first(world: World) -> None:
    made = [world.customer(name=str(number)).id for number in range(25)]
    newest = list(reversed(made))
    page = world.api.customers.list()
    assert ([item.id for item in page.data], page.has_more) == (newest[:10], True)
    after = world.api.customers.list({"starting_after": newest[9], "limit": 12})
    assert ([item.id for item in after.data], after.has_more) == (newest[10:22], True)
    before = world.api.customers.list({"ending_before": newest[20], "limit": 5})
    assert ([item.id for item in before.data], before.has_more) == (newest[15:20], True)
    assert [item.id for item in world.api.customers.list({"limit": 7}).auto_paging_iter()] == newest


@pytest.mark.parametrize("limit", ["0", "101", "-1"])
def test_a_page_holds_one_to_a_hundred(world: World, limit: str) -> None:
    answer = world.raw("GET", f"/v1/customers?limit={limit}")
    assert (answer.status_code, answer.json["error"]["param"]) == (400, "limit")


def test_an_unknown_cursor_is_refused(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.api.customers.list({"starting_after": "cus_nobody"})
    assert caught.value.param == "starting_after"


def test_lists_filter_by_time(world: World) -> None:
    old = world.customer().id
    world.sandbox.advance(1000)
    new = world.customer().id
    now = world.sandbox.now()
    assert [c.id for c in world.api.customers.list({"created": {"gt": now - 500}}).data] == [new]
    assert [c.id for c in world.api.customers.list({"created": {"lte": now - 500}}).data] == [old]


def test_four_levels_expand_and_five_are_refused(world: World) -> None:
    customer, _ = world.member()
    asked = ["data.customer", "data.latest_invoice.payments", "data.default_payment_method"]
    found = world.api.subscriptions.list({"customer": customer.id, "expand": asked})
    assert found.data[0].latest_invoice.payments.data[0].status == "paid"
    assert found.data[0].default_payment_method.card.last4 == "4242"
    assert found.data[0].customer.email == "rosa@example.test"
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        world.api.subscriptions.list({"expand": ["data.items.data.price.product"]})
    single = world.api.subscriptions.retrieve(found.data[0].id, {"expand": ["items.data.price.product"]})
    assert single["items"].data[0].price.product.name == "VIP"


def test_what_the_new_version_has_no_longer_cannot_be_expanded(world: World) -> None:
    _, subscription = world.member()
    with pytest.raises(stripe.InvalidRequestError, match=r"latest_invoice\.payment_intent"):
        world.api.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice.payment_intent"]})


def test_a_deleted_customer_answers_with_a_stub(world: World) -> None:
    customer, subscription = world.member()
    world.api.customers.delete(customer.id)
    assert world.api.customers.retrieve(customer.id).deleted is True
    shown = world.api.subscriptions.retrieve(subscription.id, {"expand": ["customer"]})
    assert (shown.status, shown.customer.deleted) == ("canceled", True)
    assert world.api.customers.list().data == []


def test_metadata_merges_and_empties(world: World) -> None:
    customer = world.customer(metadata={"a": "1", "b": "2"})
    changed = world.api.customers.update(customer.id, {"metadata": {"a": "", "c": "3"}})
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert world.api.customers.update(customer.id, {"metadata": ""}).metadata.to_dict() == {}


def test_a_lookup_key_belongs_to_one_price_unless_transferred(world: World) -> None:
    first = world.price(lookup_key="vip")
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        world.price(lookup_key="vip")
    second = world.price(lookup_key="vip", transfer_lookup_key=True)
    assert [p.id for p in world.api.prices.list({"lookup_keys": ["vip"]}).data] == [second.id]
    assert world.api.prices.retrieve(first.id).lookup_key is None


def test_a_product_may_have_its_own_id_once(world: World) -> None:
    assert world.api.products.create({"id": "vip", "name": "VIP"}).id == "vip"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.api.products.create({"id": "vip", "name": "VIP"})
    assert caught.value.code == "resource_already_exists"
