"""What the site can be asked, as an OpenAPI description: made from the routes, the forms and what the views read.

Nothing in it is listed by hand, so no route can be forgotten. The site publishes none: it is for those who rattle.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from typing import Any

import wtforms
from flask import Flask
from werkzeug.routing import Rule

import blueprints

Schema = dict[str, Any]
Operation = tuple[str, str]  # a rule as Flask writes it, and the method
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
# Every answer is one of these, whatever was asked: never one of ours that failed (500), never one without a page.
STATUSES = (200, 201, 202, 204, 206, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 409, 410, 411, 413, 415, 416, 422, 429, 501, 503)
CONTENT_TYPES = (
    "text/html", "application/json", "text/css", "text/csv", "text/javascript", "text/plain", "text/x-python",
    "application/atom+xml", "application/rss+xml", "application/xml", "text/xml", "application/zip", "image/webp",
    "text/event-stream",
)  # fmt: skip
NUMBERS = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
WORDS = {"type": "string", "maxLength": 200}


def description(app: Flask, reads: Mapping[Operation, set[str]], known: Mapping[str, list[Any]]) -> Schema:
    """Every route. `reads` are the fields that each view asks for; `known` are values that lead somewhere."""
    fields = dict(form_fields())
    paths: Schema = {}
    for rule in app.url_map.iter_rules():
        for method in {"GET", "POST"} & (rule.methods or set()):
            asked = {name: some(known.get(name, []), fields.get(name, WORDS)) for name in sorted(reads.get((str(rule), method), ()))}
            paths.setdefault(path_of(rule), {})[method.lower()] = _operation(rule, method, asked, known)
    return {"openapi": "3.0.3", "info": {"title": "The site", "version": "1"}, "paths": paths}


def name_of(operation: Operation) -> str:
    """Its `operationId`."""
    return f"{operation[1]} {operation[0]}"


def path_of(rule: Rule) -> str:
    return re.sub(r"<(?:[^:>]+(?:\([^)]*\))?:)?(\w+)>", r"{\1}", str(rule))


def form_fields() -> Iterator[tuple[str, Schema]]:
    """What the form classes of the house say of their fields; the name says which field it is."""
    for module in pkgutil.walk_packages(blueprints.__path__, "blueprints."):
        importlib.import_module(module.name)
    for form in _below(wtforms.Form):
        for name, field in vars(form).items():
            if isinstance(field, wtforms.fields.core.UnboundField):
                yield name, _of_field(field)


def some(known: list[Any], otherwise: Schema) -> Schema:
    return {"anyOf": [{"enum": known}, otherwise]} if known else otherwise


def _of_field(field: Any) -> Schema:
    kind = field.field_class
    if issubclass(kind, wtforms.BooleanField):
        return {"enum": ["y", "", "false", "odd"]}
    if issubclass(kind, wtforms.IntegerField | wtforms.DecimalField):
        return {"anyOf": [{"type": "integer"}, {"type": "number"}, WORDS]}
    if issubclass(kind, wtforms.DateField):  # moments are dates too
        return {"anyOf": [{"type": "string", "format": "date"}, {"enum": ["0001-01-01", "9999-12-31", "2024-02-30T25:00"]}, WORDS]}
    choices = field.kwargs.get("choices") or ()
    if issubclass(kind, wtforms.SelectField) and isinstance(choices, list | tuple) and choices:
        return {"anyOf": [{"enum": [str(one[0] if isinstance(one, tuple) else one) for one in choices]}, WORDS]}
    return WORDS


def _operation(rule: Rule, method: str, asked: dict[str, Schema], known: Mapping[str, list[Any]]) -> Schema:
    parameters = [{"name": name, "in": "path", "required": True, "schema": _of_part(rule, name, known)} for name in sorted(rule.arguments)]
    said: Schema = {"operationId": name_of((str(rule), method)), "responses": {str(status): {
        "description": "A page or what a script asked for", "content": {kind: {} for kind in CONTENT_TYPES},
    } for status in STATUSES}}  # fmt: skip
    if method == "GET":
        parameters += [{"name": name, "in": "query", "schema": schema} for name, schema in asked.items()]
    else:
        said["requestBody"] = {"content": {kind: {"schema": {"type": "object", "properties": asked}} for kind in FORM_TYPES}}
    return said | {"parameters": parameters}


def _of_part(rule: Rule, name: str, known: Mapping[str, list[Any]]) -> Schema:
    converter = rule._converters[name]
    kind = type(converter).__name__
    if kind == "IntegerConverter":
        return some(known.get("a row", []), NUMBERS)
    if kind == "AnyConverter":
        return {"enum": sorted(converter.items)}  # type: ignore[attr-defined]
    return some(known.get(f"{name} of {str(rule).split('/')[1]}", known.get(name, [])), WORDS | {"minLength": 1})


def _below(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)
