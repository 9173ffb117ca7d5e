"""Every answer is as the OpenAPI document says, whoever asks; schemathesis compares them."""

import pytest
import schemathesis
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from blueprints.api.description import description
from core.limits import limiter
from tests.api.asking import Program, with_key
from tests.security.paper import Paper, make_paper
from tests.threads.talk import change, make_member, say

EXAMPLES = 10


@pytest.fixture
def paper(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Paper:
    monkeypatch.setattr(limiter, "enabled", False)
    made = make_paper(app)
    other = make_member()
    root = say(made.article, other)
    removed = say(made.article, made.member, to=root)
    say(made.article, other, to=removed)
    change(removed, "rejected")
    change(say(made.article, other), "withheld")
    return made


def test_the_document_describes_every_address_and_no_other(app: Flask) -> None:
    rules = {str(rule).replace("<int(max=2147483647):comment_id>", "{id}").replace("<slug>", "{slug}")
             for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api.")}  # fmt: skip
    described = Program(app).read("openapi.json")
    assert described["paths"].keys() == rules
    assert described == description()
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("api."):
            assert rule.methods == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.once  # what a database may answer otherwise is looked at address by address
@pytest.mark.parametrize("who", ["visitor", "session", "key"])
def test_every_answer_is_as_it_is_described(app: Flask, paper: Paper, who: str) -> None:
    program = {
        "visitor": lambda: Program(app), "key": lambda: with_key(app, paper.member),
        "session": lambda: Program(app, session_of=paper.staff["moderator"]),
    }[who]()  # fmt: skip
    document = description()
    _with_what_is_there(document)
    how = SchemathesisConfig.from_dict({
        "seed": 1, "generation": {"mode": "all", "max-examples": EXAMPLES, "database": "none", "no-shrink": True},
        "phases": {"examples": {"enabled": True}, "coverage": {"enabled": True}, "fuzzing": {"enabled": True}, "stateful": {"enabled": False}},
        "checks": {"enabled": False, **{name: {"enabled": True} for name in (
            "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
            "response_headers_conformance", "unsupported_method")}},
    })  # fmt: skip
    schema = schemathesis.openapi.from_dict(document, config=how)
    answered: dict[tuple[str, int], int] = {}

    def served(environ: dict[str, object], start: object) -> object:
        if program.key:
            environ.setdefault("HTTP_AUTHORIZATION", f"Bearer {program.key}")
        elif found := program.browser.http.get_cookie("session"):
            environ["HTTP_COOKIE"] = f"session={found.value}"

        def begun(status: str, headers: object, *rest: object) -> object:
            key = str(environ["PATH_INFO"]).removeprefix("/api/v1/").partition("/")[0], int(status[:3])
            answered[key] = answered.get(key, 0) + 1
            return start(status, headers, *rest)  # type: ignore[operator]

        return app(environ, begun)  # type: ignore[arg-type]

    schema.app = served
    wrong = []
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            for checks in event.recorder.checks.values():
                wrong += [f"{event.label}: {check.name}: {check.failure_info.failure.title}: {check.failure_info.failure.message}"
                          for check in checks if check.failure_info]  # fmt: skip
        elif isinstance(event, events.NonFatalError | events.FatalError):
            wrong.append(f"{event}")
    assert wrong == [], "\n".join(wrong)
    for name in ("articles", "comments", "me", "openapi.json"):
        assert answered.get((name, 200), 0) > 0, answered


def _with_what_is_there(document: dict[str, object]) -> None:
    """Let what is tried lead somewhere now and then."""
    known: dict[str, list[object]] = {"slug": ["the-bridge", "the-merger"], "id": [1, 2, 3, 4, 5, 6, 7, 8], "section": ["economy"]}
    for operations in document["paths"].values():  # type: ignore[attr-defined]
        for parameter in operations["get"]["parameters"]:
            if parameter["name"] in known:
                parameter["schema"] = {"anyOf": [{"enum": known[parameter["name"]]}, parameter["schema"]]}
