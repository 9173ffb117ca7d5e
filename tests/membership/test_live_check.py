"""The check with a real test key, tried over HTTP against the sandbox as a server of its own."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from blueprints.membership.gateway import Gateway
from commands.live_check import LiveCheck, NotAsExpected
from stripe_sandbox import Sandbox
from stripe_sandbox.serve import start


@pytest.fixture
def served(app: Flask, tmp_path: Path) -> Iterator[tuple[Gateway, Sandbox]]:
    """A gateway with a test key on a line of real HTTP."""
    server, sandbox = start(0, None, "whsec_check", tmp_path / "served.sqlite3")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    standing = app.extensions["rejoinder_gateway"]
    door = Gateway(
        "sk_test_sandbox", mode="test", webhook_secrets=("whsec_check",),
        api_base=f"http://127.0.0.1:{server.server_port}",
    )  # fmt: skip
    app.extensions["rejoinder_gateway"] = door
    yield door, sandbox
    app.extensions["rejoinder_gateway"] = standing
    server.shutdown()
    server.server_close()
    sandbox.close()


@pytest.mark.once
def test_every_flow_goes_as_it_should_and_nothing_is_left(app: Flask, served: tuple[Gateway, Sandbox]) -> None:
    result = app.test_cli_runner().invoke(args=["billing", "live-check"])
    assert result.exit_code == 0, result.output
    assert "14 flows went as they should." in result.output
    with served[1].store.read() as tx:
        assert tx.select("test_helpers.test_clock") == []
        assert [each["active"] for each in tx.select("product")] == [False, False]
        assert [each["active"] for each in tx.select("price")] == [False, False]
        assert {each["status"] for each in tx.select("subscription")} <= {"canceled"}


@pytest.mark.once
def test_what_goes_otherwise_is_named_and_all_is_removed_still(app: Flask, served: tuple[Gateway, Sandbox]) -> None:
    door, sandbox = served
    door.preview_next_payment = lambda _name: None  # type: ignore[method-assign]
    said: list[str] = []
    with pytest.raises(NotAsExpected, match="the next payment cannot be foretold"):
        LiveCheck(door, said.append).run()
    with sandbox.store.read() as tx:
        assert tx.select("test_helpers.test_clock") == []
        assert [each["active"] for each in tx.select("product")] == [False, False]


@pytest.mark.parametrize(("mode", "why"), [("live", "this would move real money"), ("sandbox", "there is none")])
def test_other_keys_are_refused(app: Flask, served: tuple[Gateway, Sandbox], mode: str, why: str) -> None:
    served[0].mode = mode  # type: ignore[assignment]
    result = app.test_cli_runner().invoke(args=["billing", "live-check"])
    assert result.exit_code == 1
    assert why in result.output
    with served[1].store.read() as tx:
        assert tx.select("product") == []
