"""What people do about each other, and what they are told."""

from sqlalchemy import func, select

from blueprints.following import service
from core.db import db, transaction
from jobs.worker import run_all
from models.article import Article
from models.notice import Notice, NoticeCause
from models.user import User
from tests.factories import viewer_of
from tests.threads.talk import as_viewer, facts


def follow(user: User, article: Article, *, wanted: bool = True) -> None:
    viewer, known = as_viewer(user), facts(article)
    with transaction() as session:
        service.follow_thread(session, viewer, known, wanted=wanted)


def follow_branch(user: User, article: Article, root_id: int) -> None:
    viewer, known = as_viewer(user), facts(article)
    with transaction() as session:
        service.follow_branch(session, viewer, known, root_id, wanted=True)


def follow_person(user: User, other: User) -> None:
    viewer = as_viewer(user)
    with transaction() as session:
        service.follow_person(session, viewer, other.id, wanted=True)


def mute(user: User, other: User) -> None:
    viewer = as_viewer(user)
    with transaction() as session:
        service.mute(session, viewer, other.id)


def unmute(user: User, other: User) -> None:
    viewer = as_viewer(user)
    with transaction() as session:
        service.unmute(session, viewer, other.id)


def told(user: User) -> list[tuple[str, int]]:
    """The person's unread notices: kind and how many causes stand."""
    run_all()
    rows = db.session().execute(
        select(Notice.kind, Notice.count)
        .where(Notice.user_id == user.id, Notice.count > 0, Notice.read_at.is_(None))
        .order_by(Notice.id)
    )
    return [(row[0], row[1]) for row in rows]


def bell(user: User) -> str:
    """What the bell says."""
    return viewer_of(user).unread


def miscounted() -> list[tuple[int, int, int]]:
    """Notices whose count is not that of their standing causes."""
    standing = (
        select(func.count())
        .where(NoticeCause.notice_id == Notice.id, NoticeCause.withdrawn_at.is_(None))
        .correlate(Notice)
        .scalar_subquery()
    )
    rows = db.session().execute(select(Notice.id, Notice.count, standing))
    return [(row[0], row[1], row[2]) for row in rows if row[1] != row[2]]
