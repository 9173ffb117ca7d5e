"""A person's own page: who they are here, and what they said that its reader may read."""

from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from blueprints.threads import queries_badges, queries_mine
from blueprints.threads.facts import reader_path
from blueprints.threads.listing import FOUND_COLUMNS, FoundComment, found_from, readable_by, with_places
from blueprints.threads.policy import PersonFacts, may_see_page, refuse
from core.errors import NotFound
from core.records import dataclass
from core.viewer import Viewer
from models.moderation import Sanction
from models.thread import Comment
from models.user import RoleGrant, User

PER_PAGE = 30
ROLE_NAMES = {
    "author": "Author", "moderator": "Moderator", "lead": "Moderator", "editor": "Editor", "publisher": "Publisher",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReaderPage:
    """One page of somebody's comments, newest first; `before` names the place to go on from."""

    id: int
    name: str
    url: str
    since: str  # month and year; the day is nobody's business
    roles: tuple[str, ...]
    plan_badge: str
    plan_rank: int
    is_own: bool
    is_open: bool
    is_barred: bool
    comments: tuple[FoundComment, ...]
    before: int | None
    is_muted: bool  # by the viewer
    is_followed: bool  # by the viewer


def reader_page(session: Session, viewer: Viewer, user_id: int, before: int, now: datetime) -> ReaderPage:
    """The page as this viewer may see it. Raises DomainError; the same for nobody, a closed page and one who left."""
    row = _person(session, user_id, now)
    if row is None:
        raise NotFound
    refuse(may_see_page(viewer, PersonFacts(user_id, row.page_is_open, row.is_barred)))
    rows = session.execute(
        with_places(select(*FOUND_COLUMNS).select_from(Comment))
        .where(Comment.author_id == user_id, Comment.nameless.is_(False), Comment.id < before, readable_by(viewer))
        .order_by(Comment.id.desc())
        .limit(PER_PAGE + 1)
    ).all()
    roles = session.scalars(select(RoleGrant.name).where(RoleGrant.user_id == user_id))
    plan = queries_badges.plan_badges(session, [user_id], now).get(user_id)
    stance = queries_mine.stance(session, viewer.id, user_id) if viewer.id is not None else (False, False)
    is_muted, is_followed = stance
    return ReaderPage(
        id=user_id,
        name=row.display_name,
        url=reader_path(user_id, row.display_name),
        since=f"{row.created_at:%B %Y}",
        roles=tuple(ROLE_NAMES[name] for name in sorted(roles)),
        plan_badge=plan[0] if plan else "",
        plan_rank=plan[1] if plan else 0,
        is_own=viewer.id == user_id,
        is_open=row.page_is_open,
        is_barred=row.is_barred,
        comments=tuple(found_from(session, rows[:PER_PAGE], now)),
        before=rows[PER_PAGE - 1].id if len(rows) > PER_PAGE else None,
        is_muted=is_muted,
        is_followed=is_followed,
    )


def _person(session: Session, user_id: int, now: datetime) -> Any:
    barred = exists().where(
        and_(
            Sanction.user_id == User.id,
            Sanction.kind.in_(("ban", "suspension")),
            Sanction.lifted_at.is_(None),
            Sanction.starts_at <= now,
            or_(Sanction.ends_at.is_(None), Sanction.ends_at > now),
        )
    )
    return session.execute(
        select(User.display_name, User.created_at, User.page_is_open, barred.label("is_barred")).where(
            User.id == user_id, User.deleted_at.is_(None), User.active, User.confirmed_at.is_not(None)
        )
    ).one_or_none()
