"""Checkouts that were begun."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from core.db import db
from core.records import dataclass
from models.membership import CheckoutAttempt, Price


@dataclass(frozen=True, slots=True)
class AttemptRow:
    id: int
    user_id: int
    price_key: str
    state: str
    session_id: str | None
    url: str | None
    return_path: str
    created_at: datetime
    promo_id: int | None
    trial_days: int | None
    quantity: int = 1


def lock_open_attempt(mode: str, user_id: int) -> CheckoutAttempt | None:
    """The reader's one open checkout, locked for this transaction."""
    return db.session().scalar(
        select(CheckoutAttempt).where(
            CheckoutAttempt.mode == mode, CheckoutAttempt.user_id == user_id, CheckoutAttempt.state == "open"
        ).with_for_update()
    )  # fmt: skip


def open_attempt(mode: str, user_id: int) -> AttemptRow | None:
    """The reader's one open checkout."""
    return _attempt_row(
        CheckoutAttempt.mode == mode, CheckoutAttempt.user_id == user_id, CheckoutAttempt.state == "open"
    )


def latest_return_path(mode: str, user_id: int) -> str | None:
    """Where the reader came from when they last began to pay."""
    return db.session().scalar(
        select(CheckoutAttempt.return_path)
        .where(CheckoutAttempt.mode == mode, CheckoutAttempt.user_id == user_id)
        .order_by(CheckoutAttempt.id.desc()).limit(1)
    )  # fmt: skip


def attempt_by_id(attempt_id: int) -> AttemptRow | None:
    return _attempt_row(CheckoutAttempt.id == attempt_id)


def attempt_by_session(mode: str, session_id: str) -> AttemptRow | None:
    """The checkout that this Checkout session belongs to."""
    return _attempt_row(CheckoutAttempt.mode == mode, CheckoutAttempt.session_id == session_id)


def lock_attempt(attempt_id: int) -> CheckoutAttempt | None:
    return db.session().scalar(select(CheckoutAttempt).where(CheckoutAttempt.id == attempt_id).with_for_update())


def _attempt_row(*where: Any) -> AttemptRow | None:
    row = db.session().execute(
        select(
            CheckoutAttempt.id, CheckoutAttempt.user_id, Price.key, CheckoutAttempt.state, CheckoutAttempt.session_id,
            CheckoutAttempt.url, CheckoutAttempt.return_path, CheckoutAttempt.created_at, CheckoutAttempt.promo_id,
            CheckoutAttempt.trial_days, CheckoutAttempt.quantity,
        )
        .join(Price, Price.id == CheckoutAttempt.price_id).where(*where)
    ).first()  # fmt: skip
    return AttemptRow(*tuple(row)) if row else None
