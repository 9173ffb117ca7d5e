"""The sandbox held against the installed package: its routes, its parameters, its objects."""

import ast
import re
from typing import Any

import pytest

from stripe_sandbox import contract
from stripe_sandbox.errors import API_VERSION
from stripe_sandbox.routes import ENDPOINTS
from tests.stripe_sandbox.annotations import FILES, PACKAGE, load, problems
from tests.stripe_sandbox.conftest import World


def service_routes() -> dict[tuple[str, str], str]:
    """(method, path with nameless ids) to the parameter class that the package's own service sends."""
    routes: dict[tuple[str, str], str] = {}
    for file in PACKAGE.rglob("*_service.py"):
        source = file.read_text()
        for function in ast.walk(ast.parse(source)):
            if isinstance(function, ast.FunctionDef):
                text = ast.unparse(function)
                found = re.search(r"_request\('(\w+)', '(/v1/[^']*)'", text)
                params = re.search(r"params: .*?'?\"?(\w+Params)", text)
                if found and params:
                    routes[found[1].upper(), re.sub(r"{\w+}", "{}", found[2])] = params[1]
    return routes


def test_every_route_checks_the_parameters_that_the_package_sends_to_it() -> None:
    known = service_routes()
    for endpoint in ENDPOINTS:
        wanted = known[endpoint.method, re.sub(r"{\w+}", "{}", endpoint.pattern)]
        assert endpoint.params.partition(":")[2] == wanted, endpoint.pattern


def test_every_honoured_parameter_is_one_that_the_package_knows() -> None:
    for endpoint in ENDPOINTS:
        path, _, name = endpoint.params.partition(":")
        assert endpoint.acts_on - {"expand"} <= contract.module(path).fields(name).keys(), endpoint.pattern


def test_every_parameter_file_of_the_package_can_be_read() -> None:
    for file in (PACKAGE / "params").rglob("_*_params.py"):
        read = contract.Module(file)
        for name in read._fields:
            read.fields(name)


def test_the_sandbox_speaks_the_version_of_the_package() -> None:
    assert f'"{API_VERSION}"' in (PACKAGE / "_api_version.py").read_text()


def everything(world: World) -> None:
    """A life in which every kind of object comes to be."""
    world.configure_portal()
    coupon = world.api.coupons.create({"percent_off": 25, "duration": "forever"})
    world.api.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}})
    customer, subscription = world.member("disputed", discounts=[{"coupon": coupon.id}])
    world.pay(world.session(customer.id), "declined")
    world.pay(world.session(customer.id), "3d-secure")
    world.portal(customer.id)
    world.portal(customer.id, flow_data={"type": "subscription_cancel", "subscription_cancel": {"subscription": subscription.id}})
    world.api.refunds.create({"charge": world.api.charges.list().data[-1].id, "amount": 100})
    failing, other = world.member("fails-later")
    world.sandbox.advance(32 * 86_400)
    world.api.subscriptions.cancel(other.id)
    world.session(failing.id)
    price = world.price()
    feature = world.api.entitlements.features.create({"lookup_key": "comment", "name": "Comment"})
    world.api.products.features.create(str(price.product), {"entitlement_feature": feature.id})
    someone, running = world.member(
        line_items=[{"price": price.id, "quantity": 1}], subscription_data={"trial_period_days": 1}
    )
    world.pay(world.session(someone.id, subscription_data={"trial_period_days": 1}), "declined")
    world.api.subscriptions.update(running.id, {"trial_end": "now"})
    world.sandbox.advance(2 * 3600)
    world.api.subscriptions.update(running.id, {"items": [{"id": running["items"].data[0].id, "price": world.price().id}]})
    world.api.subscription_schedules.create({"from_subscription": running.id})
    world.api.test_helpers.test_clocks.create({"frozen_time": world.sandbox.now()})


def stored(world: World) -> list[dict[str, Any]]:
    paths = [
        "products",
        "prices",
        "customers",
        "checkout/sessions?expand[]=data.line_items",
        "subscriptions?status=all&expand[]=data.discounts",
        "invoices?expand[]=data.payments",
        "invoice_payments",
        "payment_intents",
        "payment_methods",
        "charges?expand[]=data.refunds",
        "refunds",
        "disputes",
        "coupons",
        "promotion_codes",
        "billing_portal/configurations",
        "webhook_endpoints",
        "setup_intents",
        "invoiceitems",
        "subscription_schedules",
        "test_helpers/test_clocks",
        "entitlements/features",
        "events",
    ]
    found = []
    for path in paths:
        joint = "&" if "?" in path else "?"
        answer = world.raw("GET", f"/v1/{path}{joint}limit=100")
        assert answer.status_code == 200, answer.text
        assert answer.json["data"], path
        found += answer.json["data"]
    return found


def test_every_object_is_what_the_package_says_it_is(world: World) -> None:
    everything(world)
    session = world.raw("POST", "/v1/billing_portal/sessions", f"customer={world.api.customers.list().data[0].id}")
    wrong = set()
    for thing in [*stored(world), session.json]:
        wrong |= {f"{thing['object']}: {one}" for one in problems(load(FILES[thing["object"]]), thing)}
        if thing["object"] == "event":
            inner = thing["data"]["object"]
            found = problems(load(FILES[inner["object"]]), inner)
            wrong |= {f"event {thing['type']}: {one}" for one in found if one != "id: absent"}
    assert "\n".join(sorted(wrong)) == ""


def test_nothing_of_the_sandbox_itself_leaks_into_its_objects(world: World) -> None:
    everything(world)

    def keys(value: Any) -> set[str]:
        if isinstance(value, dict):
            return set(value) | {key for item in value.values() for key in keys(item)}
        return {key for item in value for key in keys(item)} if isinstance(value, list) else set()

    assert not {key for key in keys(stored(world)) if key.startswith("_")}


@pytest.mark.parametrize("kind", ["customer", "subscription", "invoice", "checkout.session"])
def test_the_annotations_are_really_read(kind: str) -> None:
    found = problems(load(FILES[kind]), {"id": 1, "bogus": 2})
    assert "bogus: unknown" in found
    assert "id: 1 is no str" in found
    assert "object: absent" in found
