"""Errors as programs get them: one shape under /api, whatever found the error."""

import json

from flask import Response

FOR_PROGRAMS = "/api/"
# What an error is called where nothing more exact is known of it.
CODES = {
    400: "bad_request", 401: "unknown_key", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
    409: "conflict", 410: "gone", 413: "too_large", 415: "wrong_type", 422: "refused", 429: "too_many",
    500: "our_mistake", 503: "away",
}  # fmt: skip


def is_for_programs(path: str) -> bool:
    """Whether what is asked for there is asked for by programs."""
    return f"{path}/".startswith(FOR_PROGRAMS)


def problem(status: int, sentence: str, code: str = "") -> Response:
    """An error: a word for the program, and a sentence for whoever wrote it."""
    named = CODES.get(status, "refused") if code in {"", "refused"} else code
    return as_json({"error": {"code": named, "sentence": sentence}}, status)


def as_json(value: object, status: int = 200) -> Response:
    """A value as JSON, letters as they are."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(body.encode("utf-8", "replace"), status, mimetype="application/json")
