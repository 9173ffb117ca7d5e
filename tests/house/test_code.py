"""Tests about the code: what the house promises of itself."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from core.csrf import csrf
from core.db import Base
from core.guards import GUARD_MARK

ROOT = Path(__file__).resolve().parents[2]
OURS = ("app.py", "blueprints", "commands", "core", "jobs", "models", "stripe_sandbox")
MAY_COMMIT = {"core/backup.py", "core/db.py"}
# Beside routes and pages, who knows of the request, and for what. Everything else is given values.
AT_THE_EDGE = {
    "blueprints/accounts/known_browsers.py": "its cookie",
    "blueprints/accounts/onward.py": "where the request wants to go on to",
    "blueprints/accounts/proving.py": "the page that asks for a proof, and the form it carries on",
    "blueprints/accounts/session.py": "the session's cookie",
    "blueprints/api/door.py": "the key, the parameters, and who may keep an answer",
    "blueprints/articles/comment_feeds.py": "a feed's conditional answer",
    "blueprints/articles/events.py": "a signal tells of a person only; the link they came by is in the request",
    "blueprints/articles/feeds.py": "a feed's conditional answer",
    "blueprints/articles/visitor_cache.py": "decides which answers are kept",
    "blueprints/insights/events.py": "a signal tells of a person only; the article they came from is in the request",
    "blueprints/membership/webhooks.py": "Stripe's signature over the body as it came",
    "blueprints/moderation/desk.py": "the desk's pages",
    "blueprints/site/queries.py": "the site is asked for once a request",
    "blueprints/threads/events.py": "a signal tells of a person only; the guest's token is in the request",
}  # fmt: skip
MAY_SKIP_THE_TOKEN = {"membership.webhook", "notifications.stop", "threads.post", "threads.preview"}


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    for folder in folders or OURS:
        path = ROOT / folder
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            yield str(file.relative_to(ROOT)), file.read_text()


def test_every_view_carries_a_guard(app: Flask) -> None:
    unguarded = [
        endpoint for endpoint, view in app.view_functions.items()
        if endpoint != "static" and not hasattr(view, GUARD_MARK)
    ]  # fmt: skip
    assert unguarded == []


def test_only_the_webhook_and_the_composer_answer_a_missing_token_themselves(app: Flask) -> None:
    exempt = {
        endpoint for endpoint, view in app.view_functions.items()
        if f"{view.__module__}.{view.__name__}" in csrf._exempt_views
    }  # fmt: skip
    assert exempt <= MAY_SKIP_THE_TOKEN


def test_nothing_changes_by_get_alone(app: Flask) -> None:
    methods: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        if re.search(r"/(delete|cancel|resume|publish|unpublish|respect|ban|lift|restore|reject)$", str(rule)):
            methods.setdefault(str(rule), set()).update(rule.methods or ())
    assert len(methods) > 5
    assert [rule for rule, allowed in methods.items() if "POST" not in allowed] == []


def test_commits_happen_in_one_place() -> None:
    strays = [
        name for name, source in sources("app.py", "blueprints", "commands", "core", "jobs")
        if name not in MAY_COMMIT and re.search(r"\.commit\(\)|session\.begin\(|engine\.begin\(", source)
    ]  # fmt: skip
    assert strays == []


def test_routes_hold_no_sql() -> None:
    strays = [
        name for name, source in sources("blueprints")
        if "routes" in Path(name).name and re.search(r"\bdb\.session\b|\bselect\(|\.execute\(|\.scalars?\(", source)
    ]  # fmt: skip
    assert strays == []


def knows_the_request(source: str) -> bool:
    return any(
        (isinstance(node, ast.ImportFrom) and node.module == "flask" and {"request", "session", "g"} & {each.name for each in node.names})
        or (isinstance(node, ast.Import) and "flask" in {each.name for each in node.names})
        for node in ast.walk(ast.parse(source))
    )  # fmt: skip


def test_only_routes_and_what_answers_for_them_know_the_request() -> None:
    strays = {
        name for name, source in sources("blueprints")
        if not re.match(r"routes|.*_pages?\.py$", Path(name).name) and knows_the_request(source)
    }  # fmt: skip
    assert strays == AT_THE_EDGE.keys()
    assert knows_the_request("from flask import Response, g")
    assert knows_the_request("import flask")
    assert not knows_the_request("from flask import current_app")


@pytest.mark.parametrize(
    ("package", "door"),
    [("stripe", "blueprints/membership/gateway/line.py"), ("bleach", "core/markup.py"), ("smtplib", "blueprints/notifications/mailer.py"),
     ("webauthn", "blueprints/accounts/passkeys.py")],
)
def test_each_outside_package_has_one_door(package: str, door: str) -> None:
    pattern = re.compile(rf"^\s*(import {package}\b|from {package}[. ])", re.M)
    users = {name for name, source in sources() if pattern.search(source)}
    assert users <= {door}


def test_time_comes_from_the_clock() -> None:
    pattern = re.compile(r"datetime\.(now|utcnow|today)\(|date\.today\(")
    strays = [name for name, source in sources("app.py", "blueprints", "commands", "jobs", "models") if pattern.search(source)]
    assert strays == []


def test_relationships_never_load_by_accident() -> None:
    loose = [
        f"{mapper.class_.__name__}.{relationship.key}" for mapper in Base.registry.mappers
        for relationship in mapper.relationships if relationship.lazy != "raise_on_sql"
    ]  # fmt: skip
    assert loose == []


def test_pages_carry_nothing_inline() -> None:
    pattern = re.compile(r"\sstyle=|\son[a-z]+=\"|<script(?![^>]*(\bsrc=|type=\"application/ld\+json\"))|javascript:", re.I)
    strays = [
        str(path.relative_to(ROOT)) for path in (ROOT / "templates").rglob("*.html")
        if "mail" not in path.parts and pattern.search(path.read_text())
    ]  # fmt: skip
    assert strays == []


@pytest.mark.parametrize("command", [["ruff", "check", "."], ["mypy", *OURS], ["lint-imports"]], ids=lambda c: c[0])
def test_the_tools_are_content(command: list[str]) -> None:
    tool = Path(sys.prefix) / "bin" / command[0]
    done = subprocess.run([str(tool), *command[1:]], cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


def test_decisions_are_numbered_in_one_row() -> None:
    numbers = sorted(path.name[:4] for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert numbers == [f"{number:04d}" for number in range(1, len(numbers) + 1)]
