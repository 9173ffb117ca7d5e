"""What waits until it is needed."""

import pytest
from flask import Flask, url_for
from werkzeug.routing import AnyConverter, BuildError, Rule

from core.late import LateRule


@pytest.mark.once
def test_an_address_is_what_it_would_be_without_waiting(app: Flask) -> None:
    ours = list(app.url_map.iter_rules())
    assert sum(isinstance(rule, LateRule) for rule in ours) > 300
    for rule in ours:
        values = {name: _value(rule, name) for name in rule.arguments} | {"more": "1 2"}
        ready = Rule(rule.rule, endpoint=rule.endpoint, defaults=rule.defaults, methods=rule.methods)
        ready.bind(app.url_map, rebind=True)
        for unknown in (True, False):
            for _ in range(2):  # before it has learnt to, and after
                assert rule.build(values, unknown) == ready.build(values, unknown) is not None


def _value(rule: Rule, name: str) -> object:
    converter = rule._converters[name]
    return next(iter(converter.items)) if isinstance(converter, AnyConverter) else 7


def test_an_address_that_lacks_a_value_is_refused(app: Flask) -> None:
    needy = next(rule for rule in app.url_map.iter_rules() if rule.arguments and rule.endpoint != "static")
    with app.test_request_context(), pytest.raises(BuildError, match="Did you forget to specify values"):
        url_for(needy.endpoint)
