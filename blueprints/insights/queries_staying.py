"""Who paid from when to when, and what they did in their first days; read in parts, for a job."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Row, and_, func, select

from blueprints.insights.staying import LANDMARK, Payer
from core.db import db
from models.membership import BillingCustomer
from models.movement import Movement
from models.thread import Comment, Respect

BATCH = 500


def payers(mode: str) -> list[Payer]:
    """Everybody who ever paid, by their first Subscription, in the order of their first payments.

    Somebody ends when the first Subscription brings nothing any more. Two statements for 500 people, and one.
    """
    first_id = (
        select(func.min(Movement.id).label("id")).where(Movement.mode == mode, Movement.number == 1)
        .group_by(Movement.customer_id).subquery()
    )  # fmt: skip
    ended = (
        select(Movement.subscription_id, func.min(Movement.at).label("at"))
        .where(Movement.mode == mode, Movement.after_cents == 0).group_by(Movement.subscription_id).subquery()
    )  # fmt: skip
    rows = iter(db.session().execute(
        select(BillingCustomer.user_id, Movement.at, ended.c.at.label("ended_at"), Movement.plan_id, Movement.interval)
        .join(first_id, first_id.c.id == Movement.id)
        .join(BillingCustomer, BillingCustomer.id == Movement.customer_id)
        .outerjoin(ended, and_(ended.c.subscription_id == Movement.subscription_id))
        .order_by(Movement.at, Movement.id)
    ).all())  # fmt: skip
    found: list[Payer] = []
    while batch := list(islice(rows, BATCH)):
        found += _with_first_days(batch)
    return found


def _with_first_days(batch: Sequence[Row[*tuple[Any, ...]]]) -> Iterator[Payer]:
    """A part of the payers; they began one after the other, so their first days are near each other."""
    users = [row.user_id for row in batch]
    begin, end = batch[0].at, batch[-1].at + LANDMARK
    comments: dict[int, list[datetime]] = {}
    respects: dict[int, list[datetime]] = {}
    session = db.session()
    said = select(Comment.author_id, Comment.created_at).where(
        Comment.author_id.in_(users), Comment.created_at >= begin, Comment.created_at < end,
        Comment.published_at.is_not(None),
    )  # fmt: skip
    given = select(Respect.user_id, Respect.created_at).where(
        Respect.user_id.in_(users), Respect.created_at >= begin, Respect.created_at < end
    )
    for statement, into in ((said, comments), (given, respects)):
        for user_id, at in session.execute(statement):
            into.setdefault(user_id, []).append(at)
    for row in batch:
        until = row.at + LANDMARK
        yield Payer(
            row.user_id, row.at, row.ended_at, row.plan_id, row.interval,
            any(row.at <= at < until for at in comments.get(row.user_id, ())),
            sum(row.at <= at < until for at in respects.get(row.user_id, ())),
        )  # fmt: skip
