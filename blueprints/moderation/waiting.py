"""How long comments wait for a decision: worked out now and then, for what their authors are told."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import Row, and_, delete, func, insert, select
from sqlalchemy.orm import Session

from blueprints.threads.waiting import SITE, WAITING
from core import clock
from models.article import Article
from models.moderation import ModerationAction
from models.thread import Comment, Revision, Thread, WaitingTime

LAST = 50  # decisions that count
ENOUGH = 10  # with fewer of them nothing is claimed
NOT_OLDER_THAN = timedelta(days=14)
LOOKED_AT = 10_000  # entries of the ledger, from its end
DECIDED = ("published", "rejected")


def work_out(session: Session) -> None:
    """Replace the waiting times of the site and of every section by what the last decisions say."""
    now = clock.now()
    waits: dict[int, list[int]] = {}
    for row in _decisions(session, now):
        seconds = max(0, int((row.decided_at - row.sent_at).total_seconds()))
        for place in (SITE, row.section_id):
            waits.setdefault(place, []).append(seconds)
    found = list(_times(waits, now))
    session.execute(delete(WaitingTime).execution_options(synchronize_session=False))
    if found:
        session.execute(insert(WaitingTime), found)


def _times(waits: dict[int, list[int]], now: datetime) -> Iterable[dict[str, object]]:
    for place, seconds in sorted(waits.items()):
        newest = seconds[:LAST]
        if len(newest) >= ENOUGH:
            yield {"section_id": place, "seconds": int(median(newest)), "decisions": len(newest), "computed_at": now}


def _decisions(session: Session, now: datetime) -> list[Row[tuple[datetime, datetime, int]]]:
    """When persons decided on texts that waited, and when those had been sent; the newest first."""
    end = select(func.coalesce(func.max(ModerationAction.id), 0)).scalar_subquery()
    return list(
        session.execute(
            select(
                ModerationAction.created_at.label("decided_at"), Revision.created_at.label("sent_at"),
                Article.section_id,
            )
            .join(Comment, Comment.id == ModerationAction.comment_id)
            .join(
                Revision,
                and_(Revision.comment_id == Comment.id, Revision.number == ModerationAction.revision),
            )
            .join(Thread, Thread.id == Comment.thread_id)
            .join(Article, Article.id == Thread.article_id)
            .where(
                ModerationAction.id > end - LOOKED_AT, ModerationAction.created_at > now - NOT_OLDER_THAN,
                ModerationAction.from_state.in_(WAITING), ModerationAction.to_state.in_(DECIDED),
                ModerationAction.actor_id.is_not(None), ModerationAction.undoes_id.is_(None),
            )
            .order_by(ModerationAction.id.desc())
        )
    )  # fmt: skip
