"""Finding threads, comments and what belongs to them. No query grows with the length of a thread."""

from markupsafe import Markup
from sqlalchemy import ColumnElement, and_, case, select
from sqlalchemy.orm import Session

from blueprints.membership.entitlements import plans_of
from blueprints.threads.names import shown_name
from core.records import dataclass
from models.membership import Plan, Price
from models.thread import Comment, Revision, Thread
from models.user import User


@dataclass(frozen=True, slots=True)
class Offer:
    """The cheapest way in, for the line under the composer."""

    plan_name: str
    amount_cents: int
    currency: str
    interval: str


def cheapest_offer(session: Session, audience: str) -> Offer | None:
    """The lowest active price that opens this audience."""
    statement = (
        select(Plan.name, Price.amount_cents, Price.currency, Price.interval)
        .join(Price, Price.plan_id == Plan.id)
        .where(Plan.active, Price.active)
        .order_by(case((Price.interval == "month", 0), else_=1), Price.amount_cents, Plan.rank)
        .limit(1)
    )
    if keys := plans_of(audience):
        statement = statement.where(Plan.key.in_(sorted(keys)))
    row = session.execute(statement).one_or_none()
    return Offer(*row) if row else None


def body_of(session: Session, comment_id: int) -> str:
    """The source of the standing text."""
    return session.scalar(select(Comment.body_source).where(Comment.id == comment_id)) or ""


def html_of(session: Session, comment_id: int) -> Markup:
    """The standing text as HTML."""
    return Markup(session.scalar(select(Comment.body_html).where(Comment.id == comment_id)) or "")  # noqa: S704


def name_of_answered(session: Session, article_id: int, comment_id: int) -> str:
    """The display name of who wrote a comment under this article; empty for one that nobody may answer here."""
    statement = select(shown_name()).select_from(Comment).join(User, User.id == Comment.author_id)
    return session.scalar(statement.where(Comment.id == comment_id, answerable(article_id))) or ""


def answerable(article_id: int) -> ColumnElement[bool]:
    """Whether a comment is one under this article that can be answered."""
    here = select(Thread.id).where(Thread.article_id == article_id, Thread.state != "hidden")
    return and_(Comment.thread_id.in_(here), Comment.status == "published")


def thread_ids(session: Session) -> list[int]:
    """Every thread there is."""
    return list(session.scalars(select(Thread.id).order_by(Thread.id)))


def revisions_of(session: Session, comment_id: int) -> list[Revision]:
    """Every text a comment had, the first one first."""
    return list(
        session.scalars(select(Revision).where(Revision.comment_id == comment_id).order_by(Revision.number))
    )
