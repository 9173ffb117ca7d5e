"""The sandbox by itself, over real HTTP; and one file under several processes."""

import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
import stripe
from werkzeug.test import Client

from stripe_sandbox import create_sandbox
from stripe_sandbox.serve import start
from tests.stripe_sandbox.conftest import KEY, PUBLIC, SECRET, World

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def receiver() -> Iterator[tuple[str, "Queue[tuple[bytes, str]]"]]:
    """A web server that keeps what is posted to it."""
    got: Queue[tuple[bytes, str]] = Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.put((body, self.headers["Stripe-Signature"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/webhooks/stripe", got
    server.shutdown()
    server.server_close()


def test_the_official_client_joins_over_real_http(tmp_path: Path, receiver: Any) -> None:
    url, got = receiver
    server, sandbox = start(0, url, SECRET, tmp_path / "sandbox.db")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    try:
        client = stripe.StripeClient(KEY, base_addresses={"api": base})
        customer = client.v1.customers.create({"email": "rosa@example.test"})
        price = client.v1.prices.create(
            {"product_data": {"name": "VIP"}, "unit_amount": 800, "currency": "eur", "recurring": {"interval": "month"}}
        )
        session = client.v1.checkout.sessions.create(
            {
                "mode": "subscription",
                "customer": customer.id,
                "line_items": [{"price": price.id, "quantity": 1}],
                "success_url": "http://127.0.0.1/done",
            }
        )
        assert session.url == f"{base}/pay/{session.id}"
        answer = Client(sandbox.wsgi).post(f"/pay/{session.id}", base_url=base, data={"card": "works"})
        assert answer.location == "http://127.0.0.1/done"
        types = []
        while "checkout.session.completed" not in types:
            body, signature = got.get(timeout=10)
            types.append(client.construct_event(body, signature, SECRET).type)
        assert types[0] == "customer.created"
    finally:
        server.shutdown()
        server.server_close()
        sandbox.close()


def test_it_starts_quickly_as_a_program_and_says_where_it_is(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stripe_sandbox", "--port", "0", "--database", str(tmp_path / "x.db")]
    program = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert program.stderr is not None
        assert program.stderr.readline().startswith("Stripe sandbox on http://127.0.0.1:")
        assert program.stderr.readline().startswith(f"API key {KEY}")
    finally:
        program.terminate()
        program.wait(10)


def test_the_sandbox_does_without_the_package_and_the_house() -> None:
    code = (
        "import sys, stripe_sandbox.serve;"
        "print([m for m in sys.modules if m.split('.')[0] in"
        " {'stripe', 'flask', 'sqlalchemy', 'blueprints', 'core', 'models', 'jobs', 'app'}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def _click(path: str, session: str, start_at: Any, answers: Any) -> None:
    sandbox = create_sandbox(path, public_url=PUBLIC)
    start_at.wait()
    answers.put(Client(sandbox.wsgi).post(f"/pay/{session}", data={"card": "works"}).status_code)
    sandbox.close()


def test_two_processes_paying_one_session_make_one_subscription(world: World) -> None:
    session = world.session(world.customer().id)
    context = multiprocessing.get_context("spawn")
    start_at, answers = context.Barrier(3), context.Queue()
    arguments = (str(world.sandbox.store.path), session.id, start_at, answers)
    clicks = [context.Process(target=_click, args=arguments) for _ in range(3)]
    for click in clicks:
        click.start()
    assert [answers.get(timeout=30) for _ in clicks] == [303] * 3
    for click in clicks:
        click.join(10)
    assert len(world.api.subscriptions.list({"status": "all"}).data) == 1
