"""A desk to work at: a discussion, people who moderate it, and what the database says afterwards."""

from typing import Any

from sqlalchemy import func, select

from blueprints.moderation import ledger, service
from blueprints.moderation.decision import Decision
from blueprints.threads import reports
from blueprints.threads.counters import Drift, recount
from core.db import db, transaction
from models.moderation import ModerationAction, StatementOfReasons
from models.site import Rule
from models.thread import Comment, Report, Thread
from models.user import User
from tests.factories import make_rule, make_user
from tests.threads.talk import as_viewer, change, comment, make_member, make_talk, say

__all__ = [
    "actions", "actions_on", "as_viewer", "broken_counters", "change", "comment", "decide", "ledger_problem", "make_member",
    "make_moderator", "make_talk", "open_reports", "play_the_ball", "reject", "report", "say", "statements", "waiting",
]  # fmt: skip


def make_moderator(name: str | None = None, **values: Any) -> User:
    return make_user(name, roles=("moderator",), **values)


def play_the_ball() -> Rule:
    """The rule most rejections name; made once per test."""
    found = db.session().scalar(select(Rule).where(Rule.key == "play-the-ball"))
    return found or make_rule("play-the-ball", "Play the ball", "Leave alone who said it.")


def report(comment_id: int, by: User, reason: str = "abusive", note: str = "") -> bool:
    viewer = as_viewer(by)
    with transaction() as session:
        return reports.report_comment(
            session, viewer, comment_id, reporter_key=f"user:{by.id}", reason=reason, note=note
        )


def decide(verb: Any, comment_id: int, by: User, **values: Any) -> Decision:
    """Make a decision about the text as it stands."""
    values.setdefault("revision", comment(comment_id).revision)
    with transaction() as session:
        decision: Decision = verb(session, comment_id=comment_id, actor_id=by.id, **values)
    return decision


def reject(comment_id: int, by: User, **values: Any) -> Decision:
    values.setdefault("rule_id", play_the_ball().id)
    return decide(service.reject_comment, comment_id, by, **values)


def waiting(article: Any, author: User, status: str = "withheld", words: str | None = None) -> int:
    """A comment that nobody else can read yet."""
    comment_id = say(article, author, words)
    change(comment_id, status)
    return comment_id


def actions() -> list[ModerationAction]:
    return list(db.session().scalars(select(ModerationAction).order_by(ModerationAction.id)))


def actions_on(comment_id: int) -> list[str]:
    return [row.action for row in actions() if row.comment_id == comment_id]


def statements(comment_id: int) -> list[StatementOfReasons]:
    """What stands against a comment."""
    return list(
        db.session().scalars(
            select(StatementOfReasons)
            .where(StatementOfReasons.comment_id == comment_id, StatementOfReasons.withdrawn_at.is_(None))
            .execution_options(populate_existing=True)
        )
    )


def open_reports(comment_id: int) -> int:
    return (
        db.session().scalar(
            select(func.count()).where(Report.comment_id == comment_id, Report.resolved_at.is_(None))
        )
        or 0
    )


def ledger_problem() -> str:
    """What is wrong with the ledger; empty where it is intact."""
    return ledger.verify(db.session()).problem


def broken_counters() -> list[Drift]:
    """What a recount of every thread finds wrong."""
    with transaction() as session:
        ids = list(session.scalars(select(Thread.id)))
        return [drift for thread_id in ids for drift in recount(session, thread_id)]


def statuses() -> dict[int, str]:
    return {row.id: row.status for row in db.session().execute(select(Comment.id, Comment.status))}
