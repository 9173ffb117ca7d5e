"""What the demo's people follow, and what they are told when they open the paper: from `demo/follows.json`."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core import clock
from jobs.queue import enqueue
from models.article import Article
from models.notice import Follow, Mute
from models.thread import Comment, Thread

FOLLOWS = Path(__file__).resolve().parent.parent / "demo" / "follows.json"
TOLD_WITHIN = timedelta(days=3)  # older comments were read long ago
FOLLOWED_FOR = timedelta(days=60)


def tell_demo(session: Session, people: Mapping[str, int]) -> None:
    """Let people follow and mute each other, and have everybody told of the newest comments by the usual jobs."""
    now = clock.now()
    threads = dict(session.execute(select(Article.slug, Thread.id).join(Thread, Thread.article_id == Article.id)).all())
    followed: dict[str, Any] = json.loads(FOLLOWS.read_text())
    for key, chosen in followed.items():
        who, since = people[key], now - FOLLOWED_FOR
        session.add_all(
            Follow(user_id=who, kind="thread", target_id=threads[slug], created_at=since) for slug in chosen["threads"]
        )
        session.add_all(
            Follow(user_id=who, kind="person", target_id=people[other], created_at=since) for other in chosen["people"]
        )
        session.add_all(Mute(user_id=who, muted_id=people[other], created_at=since) for other in chosen["muted"])
    took_part = session.execute(
        select(Comment.author_id, Comment.thread_id, func.min(Comment.published_at).label("at"))
        .where(Comment.status == "published")
        .group_by(Comment.author_id, Comment.thread_id)
    )
    session.add_all(
        Follow(user_id=row.author_id, kind="part", target_id=row.thread_id, created_at=row.at) for row in took_part
    )
    session.flush()
    news = select(Comment.id).where(Comment.status == "published", Comment.published_at > now - TOLD_WITHIN)
    for comment_id in session.scalars(news.order_by(Comment.published_at)).all():
        enqueue("threads.published", key=f"published:{comment_id}", comment_id=comment_id)
    session.execute(
        update(Comment)
        .where(Comment.published_at <= now - TOLD_WITHIN)
        .values(told_at=Comment.published_at)
        .execution_options(synchronize_session=False)
    )
