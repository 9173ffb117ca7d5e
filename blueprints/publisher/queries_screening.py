"""Finding what the screening goes by and went by, and comments to try a change on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.article import Article, Section
from models.screening import (
    ScreeningList,
    ScreeningListVersion,
    ScreeningModel,
    ScreeningService,
    ScreeningSetup,
)
from models.site import Rule
from models.thread import Comment, Finding, Thread
from models.user import User

VERSIONS_SHOWN = 30


def newest_setup(session: Session) -> Any:
    """The settings in force, or None in a fresh install."""
    return session.scalar(select(ScreeningSetup).order_by(ScreeningSetup.id.desc()).limit(1))


def lists(session: Session) -> Sequence[Any]:
    """Every list with who changed it last and when."""
    return session.execute(
        select(ScreeningList, ScreeningListVersion.created_at, User.display_name.label("by"))
        .outerjoin(ScreeningListVersion, (ScreeningListVersion.list_id == ScreeningList.id)
                   & (ScreeningListVersion.number == ScreeningList.version))
        .outerjoin(User, User.id == ScreeningListVersion.changed_by)
        .order_by(ScreeningList.kind, ScreeningList.name)
    ).all()  # fmt: skip


def list_to_edit(session: Session, list_id: int, *, lock: bool = False) -> ScreeningList | None:
    """One list; with `lock`, held and fresh."""
    statement = select(ScreeningList).where(ScreeningList.id == list_id)
    return session.scalar(statement.with_for_update().execution_options(populate_existing=True) if lock else statement)


def list_names(session: Session) -> dict[str, int]:
    """The ids of lists by their names, folded."""
    return {row.name.casefold(): row.id for row in session.execute(select(ScreeningList.name, ScreeningList.id))}


def next_number(session: Session, list_id: int) -> int:
    """The number of a list's next version."""
    newest = select(func.max(ScreeningListVersion.number)).where(ScreeningListVersion.list_id == list_id)
    return (session.scalar(newest) or 0) + 1


def versions_of(session: Session, list_id: int) -> Sequence[Any]:
    """The newest versions of a list, without their entries."""
    return session.execute(
        select(ScreeningListVersion.number, ScreeningListVersion.changed, ScreeningListVersion.created_at,
               User.display_name.label("by"))
        .outerjoin(User, User.id == ScreeningListVersion.changed_by)
        .where(ScreeningListVersion.list_id == list_id)
        .order_by(ScreeningListVersion.number.desc()).limit(VERSIONS_SHOWN)
    ).all()  # fmt: skip


def version_of(session: Session, list_id: int, number: int) -> ScreeningListVersion | None:
    """One version of a list."""
    return session.scalar(select(ScreeningListVersion).where(
        ScreeningListVersion.list_id == list_id, ScreeningListVersion.number == number
    ))  # fmt: skip


def setups(session: Session) -> Sequence[Any]:
    """The newest versions of the settings: what was changed, by whom, when."""
    return session.execute(
        select(ScreeningSetup.id, ScreeningSetup.changed, ScreeningSetup.created_at, User.display_name.label("by"))
        .outerjoin(User, User.id == ScreeningSetup.changed_by)
        .order_by(ScreeningSetup.id.desc()).limit(VERSIONS_SHOWN)
    ).all()  # fmt: skip


def setup_version(session: Session, version_id: int) -> ScreeningSetup | None:
    """One version of the settings."""
    return session.get(ScreeningSetup, version_id)


def rule_choices(session: Session) -> list[tuple[int, str]]:
    """The rules of the conversation in force."""
    rows = session.execute(select(Rule.id, Rule.title).where(Rule.active).order_by(Rule.position, Rule.id))
    return [(row.id, row.title) for row in rows]


def services(session: Session) -> Sequence[ScreeningService]:
    """Every outside service."""
    return session.scalars(select(ScreeningService).order_by(ScreeningService.name)).all()


def service_to_edit(session: Session, service_id: int, *, lock: bool = False) -> ScreeningService | None:
    """One outside service; with `lock`, held and fresh."""
    statement = select(ScreeningService).where(ScreeningService.id == service_id)
    return session.scalar(statement.with_for_update().execution_options(populate_existing=True) if lock else statement)


def models(session: Session) -> Sequence[Any]:
    """The versions of what was learned, the newest first, without their weights."""
    return session.execute(
        select(ScreeningModel.id, ScreeningModel.learned_from, ScreeningModel.figures, ScreeningModel.threshold,
               ScreeningModel.severity, ScreeningModel.active, ScreeningModel.created_at)
        .order_by(ScreeningModel.id.desc()).limit(VERSIONS_SHOWN)
    ).all()  # fmt: skip


def models_locked(session: Session) -> Sequence[ScreeningModel]:
    """All versions of what was learned, held."""
    return session.scalars(select(ScreeningModel).order_by(ScreeningModel.id).with_for_update()).all()


def comments_since(session: Session, since: datetime, most: int) -> Sequence[Any]:
    """The newest comments since a moment, with where they were written and by whom."""
    return session.execute(
        select(Comment.id, Comment.body_source, Comment.body_html, Comment.status, Comment.revision, Comment.author_id,
               Comment.author_badge, Comment.created_at, Article.section_id, Article.headline,
               User.display_name.label("author"))
        .join(Thread, Thread.id == Comment.thread_id)
        .join(Article, Article.id == Thread.article_id)
        .join(User, User.id == Comment.author_id)
        .where(Comment.created_at >= since, Comment.body_source != "")
        .order_by(Comment.id.desc()).limit(most)
    ).all()  # fmt: skip


def findings_between(session: Session, first_id: int, last_id: int) -> dict[int, set[str]]:
    """Which rules spoke about the standing texts of comments in this span of ids."""
    rows = session.execute(
        select(Finding.comment_id, Finding.rule)
        .join(Comment, (Comment.id == Finding.comment_id) & (Comment.revision == Finding.revision))
        .where(Finding.comment_id.between(first_id, last_id), Finding.rule != "")
    )
    found: dict[int, set[str]] = {}
    for row in rows:
        found.setdefault(row.comment_id, set()).add(row.rule)
    return found


def section_names(session: Session) -> dict[int, str]:
    """The names of sections, in their order."""
    return {row.id: row.name for row in session.execute(select(Section.id, Section.name).order_by(Section.position))}
