"""Small pieces that several objects share."""

import re
from typing import Any
from urllib.parse import urlsplit

from .errors import Refusal
from .wire import Json

MAX_METADATA_KEYS = 50
MAX_METADATA_KEY = 40
MAX_METADATA_VALUE = 500
MAX_URL = 5000
_CURRENCY = re.compile(r"^[a-z]{3}$")


def merge_metadata(old: Json, given: Any, at: str = "metadata") -> Json:
    """Stripe's rule: given keys are set, an empty value unsets its key, an empty hash unsets all."""
    if given is None:
        return old
    if given == "":
        return {}
    merged = dict(old)
    for key, value in given.items():
        if len(key) > MAX_METADATA_KEY:
            raise Refusal(f"Metadata keys can have up to {MAX_METADATA_KEY} characters.", param=at)
        if len(value) > MAX_METADATA_VALUE:
            raise Refusal(
                f"Metadata values can have up to {MAX_METADATA_VALUE} characters, but you passed in a value that is "
                f"{len(value)} characters. Invalid value: {value[:20]}…",
                param=f"{at}[{key}]",
            )
        if value == "":
            merged.pop(key, None)
        else:
            merged[key] = value
    if len(merged) > MAX_METADATA_KEYS:
        raise Refusal(f"You can only have up to {MAX_METADATA_KEYS} metadata keys.", param=at)
    return merged


def set_given(target: Json, params: Json, names: str) -> None:
    """Copy the named parameters that were given; an empty string unsets."""
    for name in names.split():
        if name in params:
            target[name] = None if params[name] == "" else params[name]


def currency(value: str, at: str = "currency") -> str:
    value = value.lower()
    if not _CURRENCY.match(value):
        raise Refusal(f"Invalid currency: {value}. Stripe currencies have three letters.", param=at)
    return value


def web_url(value: str, at: str) -> str:
    """An http(s) URL with a host. Anything else would make the hosted page a way to run scripts."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or len(value) > MAX_URL:
        raise Refusal("Not a valid URL", code="url_invalid", param=at)
    return value


def empty_address(given: Any = None) -> Json:
    names = ("city", "country", "line1", "line2", "postal_code", "state")
    return {name: (given or {}).get(name) for name in names}


def list_of(data: list[Json], url: str) -> Json:
    return {"object": "list", "data": data, "has_more": False, "url": url}


def matches(column: str, value: Any) -> tuple[str, list[Any]]:
    """A filter on one JSON field; booleans are 1 and 0 to SQLite."""
    return f"json_extract(data, '$.{column}') = ?", [int(value) if isinstance(value, bool) else value]
