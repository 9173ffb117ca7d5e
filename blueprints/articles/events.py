"""What happens elsewhere and shows on articles."""

from typing import Any

from flask import has_request_context, request

from blueprints.accounts.signals import account_deleting_signal, name_changed_signal, signed_up_signal
from blueprints.articles import queries_sharing, sharing
from blueprints.articles.queries import renew_signed_by
from core import clock
from core.db import db


def install() -> None:
    """Listen."""
    name_changed_signal.connect(_renew)
    account_deleting_signal.connect(_renew)
    account_deleting_signal.connect(_end_links)
    signed_up_signal.connect(_count_sign_up)


def _renew(_sender: object, *, user_id: int, **_: Any) -> None:
    renew_signed_by(db.session(), user_id)


def _end_links(_sender: object, *, user_id: int, **_: Any) -> None:
    queries_sharing.revoke_all(user_id, clock.now())


def _count_sign_up(_sender: object, *, user_id: int) -> None:
    """Somebody signed up from a page that a member had opened to them: the link is in where they want to go back to."""
    link = sharing.named_in(request.values.get("next", "")) if has_request_context() else None
    if link is not None and link.user_id != user_id:
        queries_sharing.count(link.id, sign_ups=1)
