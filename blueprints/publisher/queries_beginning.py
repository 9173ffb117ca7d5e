"""How far a new paper has come: one query, whatever its size."""

from sqlalchemy import String, cast, exists, func, select

from core.db import db
from core.records import dataclass
from models.article import Article
from models.job import Job
from models.membership import Plan, Price
from models.notification import Mail
from models.thread import Comment
from models.user import RoleGrant, User

TEST_MAIL = "test"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is there of what a paper needs before readers come."""

    staff: int
    has_sent_mail: bool
    mail_waits: bool
    mail_error: str
    sells_something: bool
    article: str  # the slug of the newest published story; empty without one
    has_comment: bool


def has_publisher() -> bool:
    """Whether anybody is a publisher who can sign in."""
    return bool(db.session().scalar(select(exists(
        select(RoleGrant.user_id).join(User, User.id == RoleGrant.user_id)
        .where(RoleGrant.name == "publisher", User.active)
    ))))  # fmt: skip


def standing() -> Standing:
    """Everything at once; `mail_error` is what the mail server last did with a mail that has not been sent."""
    newest = select(Article.slug).where(Article.state == "published").order_by(Article.published_at.desc()).limit(1)
    failed = (
        select(Job.error)
        .where(Job.kind == "mail.send", Job.finished_at.is_(None), Job.error.is_not(None))
        .order_by(Job.id.desc()).limit(1)
    )  # fmt: skip
    row = db.session().execute(select(
        select(func.count(RoleGrant.user_id.distinct())).scalar_subquery(),
        exists(select(Mail.id).where(Mail.sent_at.is_not(None))),
        exists(select(Mail.id).where(Mail.sent_at.is_(None))),
        func.coalesce(cast(failed.scalar_subquery(), String), ""),
        exists(select(Price.id).join(Plan, Plan.id == Price.plan_id).where(Plan.active, Price.active)),
        func.coalesce(newest.scalar_subquery(), ""),
        exists(select(Comment.id).where(Comment.status == "published")),
    )).one()  # fmt: skip
    return Standing(*row)
