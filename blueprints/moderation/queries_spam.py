"""Finding spam that people rejected."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, exists, func, or_, select
from sqlalchemy.orm import Session

from models.moderation import ModerationAction
from models.screening import SpamLink
from models.site import Rule
from models.thread import Comment, Report


def rejected_spam(session: Session, newest: int) -> Sequence[Any]:
    """Rejected comments with links that a person rejected under a rule on spam or advertising, or that were reported as
    spam; of the newest entries of the ledger, without those whose links are known."""
    about_spam = or_(Rule.key.contains("spam"), Rule.key.contains("advert"), Rule.title.icontains("spam"),
                     Rule.title.icontains("advert"))  # fmt: skip
    reported = exists().where(Report.comment_id == Comment.id, Report.reason == "spam")
    last = session.scalar(select(func.max(ModerationAction.id))) or 0
    return session.execute(
        select(Comment.id, Comment.body_html)
        .join(ModerationAction, ModerationAction.comment_id == Comment.id)
        .outerjoin(Rule, Rule.id == ModerationAction.rule_id)
        .where(ModerationAction.id > last - newest, ModerationAction.action == "reject",
               ModerationAction.actor_id.is_not(None), Comment.status == "rejected",
               Comment.body_html.contains("href="), or_(about_spam, reported),
               ~exists().where(SpamLink.comment_id == Comment.id))
        .distinct()
    ).all()  # fmt: skip


def forget_put_back(session: Session) -> int:
    """Forget the links of comments that are not rejected any more; how many."""
    gone = select(SpamLink.key).join(Comment, Comment.id == SpamLink.comment_id).where(Comment.status != "rejected")
    return int(session.execute(delete(SpamLink).where(SpamLink.key.in_(gone))).rowcount)  # type: ignore[attr-defined]
