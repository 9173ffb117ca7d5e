"""What happens elsewhere and is a step on the way from a gate to a first comment."""

from urllib.parse import parse_qs, urlsplit

from flask import current_app, has_request_context, request

from blueprints.accounts.signals import signed_up_signal
from blueprints.insights import queries_funnel
from blueprints.insights.sights import sights_of
from blueprints.threads.signals import gate_pressed_signal
from core import clock

LONGEST_SLUG = 120


def install() -> None:
    """Listen."""
    gate_pressed_signal.connect(_pressed)
    signed_up_signal.connect(_signed_up)


def _pressed(_sender: object, *, article_id: int) -> None:
    sights_of(current_app).count(article_id, "pressed")


def _signed_up(_sender: object, *, user_id: int) -> None:
    """An account made on the way back to an article: the number of the article rises, and nothing names the person."""
    slug = article_in(request.values.get("next", "")) if has_request_context() else None
    if slug:
        queries_funnel.add({(slug, clock.now().date(), "signed_up"): 1})


def article_in(path: str) -> str | None:
    """The article that somebody wants to come back to, or to join for: its slug."""
    parts = urlsplit(path)
    if parts.path.startswith(queries_funnel.ARTICLE_PATH):
        slug = parts.path.removeprefix(queries_funnel.ARTICLE_PATH)
    else:
        slug = parse_qs(parts.query).get("article", [""])[0]
    return slug if 0 < len(slug) <= LONGEST_SLUG and "/" not in slug else None
