"""What waits on the desk, and what is known about each comment there. A page costs a fixed number of queries."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session, aliased

from blueprints.moderation.queries import WAITING, Sections, stands_within, words_for
from core.prepared import Prepared
from models.article import Article, Section
from models.conduct import TrustedFlagger
from models.desk import CommentLanguage, Tip
from models.thread import Comment, Finding, Pick, Report, Revision, Thread
from models.user import User

LAST_COMMENTS = 10
_parent = aliased(Comment)
_parent_author = aliased(User)


CASES = (
    select(
        Comment.id, Comment.thread_id, Comment.parent_id, Comment.author_id, Comment.author_badge, Comment.status,
        Comment.body_html, Comment.revision, Comment.created_at, Comment.edited_at, Comment.respect_count,
        Comment.report_count, Comment.reply_count, Comment.nameless, Comment.body_hash, Comment.picked_at,
        Comment.reviewed_revision, Comment.by_newcomer, Comment.report_weight, User.display_name.label("author_name"),
        User.created_at.label("author_since"), User.deleted_at.label("author_gone_at"), Article.slug,
        Article.headline, Article.section_id, Section.name.label("section_name"), Thread.state.label("thread_state"),
        Thread.closed_reason, Thread.premoderated, _parent.body_html.label("parent_html"),
        _parent.status.label("parent_status"), _parent.author_id.label("parent_author_id"),
        _parent_author.display_name.label("parent_name"),
    )
    .join(User, User.id == Comment.author_id)
    .join(Thread, Thread.id == Comment.thread_id)
    .join(Article, Article.id == Thread.article_id)
    .join(Section, Section.id == Article.section_id)
    .outerjoin(_parent, _parent.id == Comment.parent_id)
    .outerjoin(_parent_author, _parent_author.id == _parent.author_id)
)  # fmt: skip


def case_rows(session: Session, ids: Sequence[int]) -> list[Row[Any]]:
    """These comments as cases, whatever their state."""
    return list(session.execute(CASES.where(Comment.id.in_(ids)).order_by(Comment.id)))


def open_reports(session: Session, comment_ids: Sequence[int]) -> list[Row[Any]]:
    """The open reports of these comments, each with how many earlier ones of the reporter were decided and upheld.

    A report counts as upheld while the comment it is about is removed, so an objection that succeeds changes it back.
    """
    earlier, about = aliased(Report), aliased(Comment)
    past = (
        select(
            earlier.reporter_id.label("reporter_id"),
            func.count().label("decided"),
            func.sum(case((about.status == "rejected", 1), else_=0)).label("upheld"),
        )
        .join(about, about.id == earlier.comment_id)
        .where(
            earlier.resolved_at.is_not(None),
            earlier.withdrawn_at.is_(None),
            earlier.reporter_id.in_(
                select(Report.reporter_id).where(Report.comment_id.in_(comment_ids), Report.resolved_at.is_(None))
            ),
        )
        .group_by(earlier.reporter_id)
        .subquery()
    )
    return list(
        session.execute(
            select(
                Report.id, Report.comment_id, Report.reporter_id, Report.reporter_key, Report.reason, Report.note,
                Report.weight, Report.cluster, Report.created_at, User.display_name.label("reporter"),
                func.coalesce(past.c.decided, 0).label("decided"),
                func.coalesce(past.c.upheld, 0).label("upheld"), TrustedFlagger.organisation,
            )
            .outerjoin(User, User.id == Report.reporter_id)
            .outerjoin(TrustedFlagger, TrustedFlagger.user_id == Report.reporter_id)
            .outerjoin(past, past.c.reporter_id == Report.reporter_id)
            .where(Report.comment_id.in_(comment_ids), Report.resolved_at.is_(None))
            .order_by(Report.id)
        )
    )  # fmt: skip


def findings_of(session: Session, comment_ids: Sequence[int]) -> list[Row[Any]]:
    """What the screening found in the standing texts of these comments."""
    return list(
        session.execute(
            select(Finding.comment_id, Finding.check, Finding.severity, Finding.reason, Finding.rule_version,
                   Finding.rule, Finding.passages, Finding.checked, Comment.body_source)
            .join(Comment, and_(Comment.id == Finding.comment_id, Comment.revision == Finding.revision))
            .where(Finding.comment_id.in_(comment_ids))
            .order_by(Finding.id)
        )
    )


def earlier_revisions(session: Session, comment_ids: Sequence[int]) -> list[Row[Any]]:
    """The texts that stood before an edit, the newest first."""
    return list(
        session.execute(
            select(Revision.comment_id, Revision.number, Revision.body_html, Revision.created_at)
            .join(Comment, Comment.id == Revision.comment_id)
            .where(Revision.comment_id.in_(comment_ids), Revision.number < Comment.revision)
            .order_by(Revision.comment_id, Revision.number.desc())
        )
    )


def statuses_of(session: Session, author_ids: Sequence[int]) -> list[Row[Any]]:
    """How many comments of each status these people have."""
    return list(
        session.execute(
            select(Comment.author_id, Comment.status, func.count().label("number"))
            .where(Comment.author_id.in_(author_ids))
            .group_by(Comment.author_id, Comment.status)
        )
    )


def reports_against(session: Session, author_ids: Sequence[int]) -> dict[int, int]:
    """How many reports the comments of these people ever got."""
    rows = session.execute(
        select(Comment.author_id, func.count().label("number"))
        .join(Report, Report.comment_id == Comment.id)
        .where(Comment.author_id.in_(author_ids))
        .group_by(Comment.author_id)
    )
    return {row.author_id: row.number for row in rows}


def last_comments(session: Session, author_ids: Sequence[int], sections: Sections) -> list[Row[Any]]:
    """The newest LAST_COMMENTS comments of each of these people, with the words that moderators there may read."""
    mine = aliased(Comment)
    fifth = (
        select(mine.id)
        .where(mine.author_id == User.id)
        .order_by(mine.id.desc())
        .limit(1)
        .offset(LAST_COMMENTS - 1)
        .correlate(User)
        .scalar_subquery()
    )
    return list(
        session.execute(
            select(Comment.id, Comment.author_id, Comment.status, Comment.created_at,
                   words_for(sections).label("body_source"), stands_within(sections).label("is_ours"))
            .join(User, User.id == Comment.author_id)
            .where(User.id.in_(author_ids), Comment.id >= func.coalesce(fifth, 0))
            .order_by(Comment.id.desc())
        )
    )


def undecided() -> ColumnElement[bool]:
    """Whether somebody still has to decide about a comment, or could look at it."""
    unseen = Comment.reviewed_revision < Comment.revision
    return or_(
        Comment.status.in_(WAITING), and_(Comment.status == "published", or_(Comment.report_count > 0, unseen))
    )


def copies_of(session: Session, sections: Sections, comment_id: int) -> int:
    """How many other undecided comments in these sections have the words of this one."""
    words = select(Comment.body_hash).where(Comment.id == comment_id, Comment.body_hash != "").scalar_subquery()
    found = select(func.count()).select_from(Comment)
    found = found.where(Comment.body_hash == words, Comment.id != comment_id, undecided(), stands_within(sections))
    return session.scalar(found) or 0


def alike(session: Session, sections: Sections, hashes: Sequence[str]) -> dict[str, int]:
    """How many undecided comments in these sections have each of these texts, word for word."""
    rows = session.execute(
        select(Comment.body_hash, func.count().label("number"))
        .where(Comment.body_hash.in_([one for one in set(hashes) if one]), undecided(), stands_within(sections))
        .group_by(Comment.body_hash)
    )
    return {row.body_hash: row.number for row in rows}


def threads_with(session: Session, author_id: int, thread_ids: Sequence[int]) -> frozenset[int]:
    """In which of these discussions this person takes part."""
    found = select(Comment.thread_id).where(
        Comment.author_id == author_id, Comment.thread_id.in_(thread_ids), Comment.status != "deleted"
    )
    return frozenset(session.scalars(found.distinct()))


def never_picked(session: Session, author_ids: Sequence[int]) -> frozenset[int]:
    """Those of these people of whom no comment was ever a Pick."""
    known = set(session.scalars(select(Pick.author_id).where(Pick.author_id.in_(author_ids)).distinct()))
    return frozenset(author_id for author_id in author_ids if author_id not in known)


def languages_of(session: Session, comment_ids: Sequence[int]) -> dict[int, str]:
    """The languages these comments seem to be written in, as far as they were guessed."""
    rows = session.execute(
        select(CommentLanguage.comment_id, CommentLanguage.language).where(
            CommentLanguage.comment_id.in_(comment_ids)
        )
    )
    return {row.comment_id: row.language for row in rows}


def open_tips(session: Session, comment_ids: Sequence[int]) -> list[Row[Any]]:
    """What the newsroom was shown of these comments and has not answered."""
    return list(
        session.execute(
            select(Tip.comment_id, Tip.kind, Tip.note).where(Tip.comment_id.in_(comment_ids), Tip.closed_at.is_(None))
        )
    )


_at_most = bindparam("at_most", type_=Integer())
_newest = select(func.coalesce(func.max(Comment.id), 0)).scalar_subquery()
_waits = Comment.id.in_(
    union_all(
        select(Comment.id).where(Comment.status.in_([literal_column(f"'{status}'") for status in WAITING])),
        select(Comment.id).where(Comment.report_count > 0),
        select(Comment.id).where(Comment.id > _newest - _at_most),
    )
)
# Asked every minute, so a process with nothing else to do stays small.
_WITHOUT_LANGUAGE = Prepared(
    select(Comment.id, Comment.body_source)
    .where(_waits, ~exists().where(CommentLanguage.comment_id == Comment.id))
    .order_by(Comment.id.desc())
    .limit(_at_most),
    soon=True,
)


def without_language(session: Session, limit: int) -> list[Row[Any]]:
    """Undecided comments whose language nobody guessed yet, the newest first."""
    return list(_WITHOUT_LANGUAGE.all(session, at_most=limit))


def note_languages(session: Session, found: dict[int, str]) -> None:
    """Keep guesses; a second one of the same comment changes nothing."""
    insert = pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    session.execute(
        insert(CommentLanguage)
        .values([{"comment_id": comment_id, "language": language} for comment_id, language in found.items()])
        .on_conflict_do_nothing()
    )
