"""Processes of their own on the test's database. One is begun for a whole run; it forks anew for every task.

A forked process has no connection of anybody else's, can be killed at any step, and takes milliseconds to begin.
"""

import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60.0
LEARNING = "learning:"
WARM = ("base", "layouts/", "components/", "membership/", "mail/", "accounts/")


class Crew:
    """The process that forks, as its tests talk to it."""

    def __init__(self, settings: dict[str, str]) -> None:
        self.known: set[str] = set()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.proof.crew", json.dumps(settings)], cwd=ROOT, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *tasks: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """Do the tasks at the same moment, each in a process of its own; what each returned, or that it was killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(tasks) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the crew has died"
        results: list[dict[str, Any]] = json.loads(answer)
        for result in results:
            assert "problem" not in result, result["problem"]
        return results

    def learn(self, *tasks: tuple[str, dict[str, Any]]) -> None:
        """Do tasks in the process that forks, so that their statements need not be made anew by every child."""
        self.run(*((LEARNING + name, given) for name, given in tasks))
        self.known |= {name for name, _ in tasks}

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)


class Steps:
    """Counts what cannot be undone (commits, answers of Stripe), and kills this process after one of them."""

    def __init__(self, kill_after: int | None) -> None:
        self.kill_after = kill_after
        self.names: list[str] = []

    def took(self, name: str) -> None:
        self.names.append(name)
        if self.kill_after is not None and len(self.names) >= self.kill_after:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Begin to count: every commit of ours, and every answer of Stripe to a change."""
        from blueprints.membership.gateway import InProcessTransport
        from core import db as database

        database.committed.append(lambda: self.took("commit"))
        ask = InProcessTransport.request

        def counted(transport: Any, method: str, url: str, *rest: Any, **more: Any) -> Any:
            answer = ask(transport, method, url, *rest, **more)
            if method.lower() != "get":
                self.took(f"{method} {url.partition('/v1/')[2].partition('?')[0]}")
            return answer

        InProcessTransport.request = counted  # type: ignore[method-assign]


def _serve(settings: dict[str, str]) -> None:
    from app import create_app
    from core.config import Settings
    from stripe_sandbox import contract

    app = create_app(Settings(**settings))  # type: ignore[arg-type]
    app.testing = True
    for name in app.jinja_env.list_templates(filter_func=lambda name: name.startswith(WARM)):
        app.jinja_env.get_template(name)  # compiled once, not by every child
    for module in ("tests.proof.tasks", "stripe._invoice_service", "stripe._charge_service"):
        importlib.import_module(module)
    for module in ("_invoice_create_preview_params", "_charge_list_params"):
        contract.module(module)  # what takes the sandbox longest to read
    gc.collect()
    gc.freeze()  # else every child that looks for rubbish copies most of the memory
    gc.disable()
    for line in sys.stdin:
        tasks = json.loads(line)
        if tasks[0][0].startswith(LEARNING):
            results = [_learn(app, name.removeprefix(LEARNING), arguments) for name, arguments in tasks]
        else:
            children = [_fork(app, name, arguments) for name, arguments in tasks]
            results = [_wait(pid, pipe) for pid, pipe in children]
        sys.stdout.write(json.dumps(results) + "\n")
        sys.stdout.flush()


def _learn(app: Any, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Do a task here, and keep nothing open that a child must not share."""
    import traceback

    from blueprints.membership.sandbox import host_of
    from core.db import db

    try:
        with app.app_context():
            task: Callable[..., dict[str, Any] | None] = _named(name)
            task(app, **arguments)
            db.session.remove()
            db.engine.dispose()
        host_of(app).sandbox.close()
        for name in [name for name in app.extensions if name.startswith("rejoinder_site")]:
            del app.extensions[name]  # the next test has another
    except Exception:
        return {"problem": traceback.format_exc(limit=-12)}
    return {}


def _named(name: str) -> Callable[..., dict[str, Any] | None]:
    module, _, function = name.rpartition(".")
    task: Callable[..., dict[str, Any] | None] = getattr(importlib.import_module(f"tests.proof.{module}"), function)
    return task


def _fork(app: Any, name: str, arguments: dict[str, Any]) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    os.close(reading)
    os.dup2(2, 1)
    result: dict[str, Any]
    try:
        result = _do(app, name, arguments)
    except BaseException:
        import traceback

        result = {"problem": traceback.format_exc(limit=-12)}
    os.write(writing, json.dumps(result).encode())
    os._exit(0)


def _do(app: Any, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    from core import clock

    task = _named(name)
    steps = Steps(arguments.pop("kill_after", None))
    clock.shift(timedelta(seconds=arguments.pop("later", 0)))
    with app.app_context():
        steps.watch()
        result = task(app, **arguments) or {}
    return result | {"steps": steps.names}


def _wait(pid: int, pipe: int) -> dict[str, Any]:
    said, until = b"", time.monotonic() + PATIENCE_SECONDS
    while True:
        ready, _, _ = select.select([pipe], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            os.kill(pid, signal.SIGKILL)
            said = json.dumps({"problem": "a process of the crew did not end in time"}).encode()
            break
        piece = os.read(pipe, 65_536)
        if not piece:
            break
        said += piece
    os.close(pipe)
    os.waitpid(pid, 0)
    return json.loads(said) if said else {"killed": True}


if __name__ == "__main__":
    _serve(json.loads(sys.argv[1]))
