"""How much reports weigh together: each by how right its reporter has been, those of one cluster once, none withdrawn.
Those of trusted flaggers (DSA art. 22) come first.

The weight only orders the moderators' queue and slows heated discussions; it decides nothing about a comment.
"""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from core.viewer import Viewer
from models.conduct import TrustedFlagger
from models.thread import Comment, Report, Thread
from models.user import User

BRAKE_FROM = 3.0  # open reports of the last hour, by weight
BRAKE_WITHIN = timedelta(hours=1)
FIRST_WAIT, WAIT_PER_REPORT, LONGEST_WAIT = 120, 60, 900  # seconds
OF_VISITORS = 0.5  # nobody knows who they are
OF_PROGRAMS = 1.0
LEAST, MOST = 0.1, 2.0
OF_TRUSTED = 20.0  # of a trusted flagger: before what ten readers report who have always been right
YOUNG = timedelta(days=1)
NEW_ACCOUNTS = "new accounts"
LOOKED_AT = 1_000  # reports


def weight_by(decided: int, upheld: int) -> float:
    """The weight of somebody of whose earlier reports so many were decided, and so many of these upheld: 1 without any.

    Twice the share that was upheld, counting one more of each kind, so that a few cases do not say much.
    """
    return round(min(MOST, max(LEAST, 2 * (upheld + 1) / (decided + 2))), 3)


def weight_of(session: Session, reporter_id: int | None, *, by_program: bool = False) -> float:
    """What a report of this person weighs now. One that succeeds counts while the comment it is about is removed."""
    if reporter_id is None:
        return OF_PROGRAMS if by_program else OF_VISITORS
    if session.get(TrustedFlagger, reporter_id) is not None:
        return OF_TRUSTED
    row = session.execute(
        select(func.count(), func.coalesce(func.sum(case((Comment.status == "rejected", 1), else_=0)), 0))
        .select_from(Report)
        .join(Comment, Comment.id == Report.comment_id)
        .where(Report.reporter_id == reporter_id, Report.resolved_at.is_not(None), Report.withdrawn_at.is_(None))
    ).one()
    return weight_by(*row)


def cluster_of(session: Session, viewer: Viewer, comment_id: int, network: str, secret: str, now: datetime) -> str:
    """Who acts together, as far as anybody can tell: accounts younger than a day, else those of one network.

    The mark of a network is made for this comment alone, so it says nothing of what else somebody did.
    """
    if viewer.id is not None:
        joined = session.scalar(select(User.created_at).where(User.id == viewer.id))
        if joined is not None and joined > now - YOUNG:
            return NEW_ACCOUNTS
    if not network:
        return ""
    return hmac.new(secret.encode(), f"report:{comment_id}:{network}".encode(), hashlib.sha256).hexdigest()[:32]


def together(reports: Iterable[Any]) -> float:
    """What open reports weigh together: of each cluster the weightiest only."""
    alone, clusters = 0.0, dict[str, float]()
    for report in reports:
        if report.cluster:
            clusters[report.cluster] = max(report.weight, clusters.get(report.cluster, 0.0))
        else:
            alone += report.weight
    return round(alone + sum(clusters.values()), 3)


def weigh(session: Session, comment: Comment) -> None:
    """Write down what the open reports of a comment weigh; its row is locked."""
    rows = session.execute(
        select(Report.weight, Report.cluster).where(Report.comment_id == comment.id, Report.resolved_at.is_(None))
    )
    comment.report_weight = together(rows)


def wait_for(weight: float) -> int | None:
    """How many seconds a discussion with so weighty open reports waits between two comments of one person."""
    if weight < BRAKE_FROM:
        return None
    return min(LONGEST_WAIT, FIRST_WAIT + WAIT_PER_REPORT * int(weight - BRAKE_FROM))


def brake(session: Session, thread: Thread, now: datetime) -> None:
    """Let waits grow with the reports in a discussion, and shrink as they are decided; its row is locked.

    Each reporter counts once, however many comments they report, and new accounts count as one.
    """
    session.flush()
    rows = session.execute(
        select(Report.reporter_key, Report.weight, Report.cluster)
        .join(Comment, Comment.id == Report.comment_id)
        .where(
            Comment.thread_id == thread.id, Comment.report_count > 0, Comment.status == "published",
            Report.resolved_at.is_(None), Report.created_at > now - BRAKE_WITHIN,
        )
        .limit(LOOKED_AT)
    )  # fmt: skip
    weights: dict[str, float] = {}
    for row in rows:
        reporter = row.cluster if row.cluster == NEW_ACCOUNTS else row.reporter_key
        weights[reporter] = max(min(row.weight, MOST), weights.get(reporter, 0.0))  # whoever it is heats nothing alone
    seconds = wait_for(sum(weights.values()))
    if seconds != thread.brake_seconds:
        thread.version += 1
    thread.brake_seconds, thread.brake_until = seconds, (now + BRAKE_WITHIN if seconds else None)
