"""How the sandbox is mounted, and how its file behaves."""

from pathlib import Path

import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client
from werkzeug.wrappers import Response

from stripe_sandbox import create_sandbox
from tests.stripe_sandbox.conftest import KEY, World

AUTHORISED = {"Authorization": f"Bearer {KEY}"}


def test_under_a_mount_every_link_and_redirect_stays_below_it(world: World) -> None:
    mounted = Client(DispatcherMiddleware(Response("the site"), {"/_sandbox/stripe": world.sandbox.wsgi}))
    session = world.session(world.customer().id)
    path = session.url.removeprefix("http://127.0.0.1:8000")
    text = mounted.get(path).text
    assert 'href="/_sandbox/stripe/static/sandbox.css?v=' in text
    assert mounted.get("/_sandbox/stripe/static/sandbox.css").content_type.startswith("text/css")
    assert mounted.post(path, data={"card": "3d-secure"}).location == f"{path}/verify"
    assert mounted.get("/_sandbox/stripe/v1/customers", headers=AUTHORISED).status_code == 200
    assert mounted.get("/_sandbox/stripe/").status_code == 200


def test_a_prefix_works_like_a_mount(tmp_path: Path) -> None:
    sandbox = create_sandbox(tmp_path / "x.db", public_url="http://127.0.0.1:8000", prefix="/stripe")
    browser = Client(sandbox.wsgi)
    assert browser.get("/stripe/v1/customers", headers=AUTHORISED).status_code == 200
    assert browser.get("/v1/customers", headers=AUTHORISED).status_code == 404
    assert 'href="/stripe/static/sandbox.css' in browser.get("/stripe/").text
    sandbox.close()


def test_what_was_there_before_is_there_after_a_restart(world: World) -> None:
    customer = world.customer()
    world.sandbox.advance(5000)
    before = world.sandbox.now()
    world.sandbox.close()
    again = create_sandbox(world.sandbox.store.path, public_url="http://127.0.0.1:8000")
    assert World(again).api.customers.retrieve(customer.id).email == "rosa@example.test"
    assert 0 <= again.now() - before <= 5
    again.close()


def test_a_file_of_another_layout_is_refused_in_one_sentence(world: World) -> None:
    with world.sandbox.store.write() as tx:
        tx.sql.execute("PRAGMA user_version = 99")
    with pytest.raises(RuntimeError, match="another version of the sandbox"):
        create_sandbox(world.sandbox.store.path, public_url="http://127.0.0.1:8000")


def test_every_page_says_that_no_money_moves_and_runs_no_script(world: World) -> None:
    world.configure_portal()
    customer, subscription = world.member()
    session = world.session(customer.id)
    portal = world.portal(customer.id)
    invoice = world.page(world.api.invoices.retrieve(subscription.latest_invoice).hosted_invoice_url)
    paths = ["/", "/nowhere", f"/pay/{session.id}", "/pay/none", portal, f"{portal}/card", invoice]
    for path in [*paths, f"{portal}/cancel/{subscription.id}"]:
        answer = world.browser.get(path)
        assert "Demo payments: no money moves." in answer.text, path
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "<script" not in answer.text
        assert " style=" not in answer.text


def test_an_oversized_form_or_another_method_is_refused(world: World) -> None:
    session = world.session(world.customer().id)
    assert world.browser.put(f"/pay/{session.id}").status_code == 405
    assert world.browser.post(f"/pay/{session.id}", data={"number": "4" * 50_000}).status_code == 413
    assert world.raw("POST", "/v1/customers", "name=" + "a" * 1_100_000).status_code == 413
