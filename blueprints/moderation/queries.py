"""Finding what waits for a decision, and what is known about it. A page of the desk costs a fixed number of queries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Select, and_, case, exists, func, or_, select, true
from sqlalchemy.orm import Session, aliased

from blueprints.notifications import queries as mail_queries
from core.viewer import Viewer
from models.article import Article
from models.moderation import Appeal, ModerationAction, StatementOfReasons
from models.site import Rule
from models.thread import Comment, Report, Thread
from models.user import ModeratedSection, RoleGrant, User

PAGE = 20

# What decides about a comment; sanctions that a comment led to stand beside them.
DECISIONS = ("publish", "reject", "restore", "keep", "hold", "reopen", "uphold", "reverse")
WAITING = ("pending", "withheld")

_later = aliased(ModerationAction)
_undoing = aliased(ModerationAction)
_actor = aliased(User)
_person = aliased(User)
_home = aliased(Thread)
_above = aliased(Article)

Sections = frozenset[int] | None  # None: all


def one(session: Session, statement: Select[*tuple[Any, ...]]) -> Row[Any] | None:
    """The only row, as one that has any columns."""
    row: Any = session.execute(statement).one_or_none()
    return cast(Row[Any] | None, row)


def sections_of(viewer: Viewer) -> Sections:
    """The sections a moderator is limited to; None without limits."""
    return viewer.section_ids if viewer.section_ids and not viewer.is_editor else None


def within(sections: Sections) -> ColumnElement[bool]:
    """The condition on Article for these sections."""
    return Article.section_id.in_(sorted(sections)) if sections is not None else Article.id.is_not(None)


def stands_within(sections: Sections) -> ColumnElement[bool]:
    """Whether a Comment, which may have been moved, now stands in these sections."""
    if sections is None:
        return true()
    place = exists().where(
        _home.id == Comment.thread_id, _above.id == _home.article_id, _above.section_id.in_(sorted(sections))
    )
    return place.correlate(Comment)


def words_for(sections: Sections) -> ColumnElement[str]:
    """The words of a Comment for moderators of these sections: of one elsewhere only where everybody reads them.

    Without its author's name everybody reads a nameless one, so here, where it stands under the name, it is left out.
    """
    if sections is None:
        return Comment.body_source.expression
    public = exists().where(
        Comment.status == "published", Comment.nameless.is_(False), _home.id == Comment.thread_id,
        _home.state != "hidden", _above.id == _home.article_id, _above.state == "published",
    )  # fmt: skip
    return case((or_(stands_within(sections), public.correlate(Comment)), Comment.body_source), else_="")


def open_objections(viewer: Viewer) -> Select[Any]:
    """The ids of open objections that this moderator may decide: neither their own nor about their own decisions.

    The section is that in which the comment stands now.
    """
    sections = sections_of(viewer)
    statement = objections_open_to(viewer.id)
    return statement if sections is None else statement.where(within(sections))


def objections_open_to(user_id: Any) -> Select[Any]:
    """The same whatever their sections: `user_id` is theirs, or the parameter of a statement."""
    return (
        select(Appeal.id)
        .join(ModerationAction, ModerationAction.id == Appeal.action_id)
        .outerjoin(Comment, Comment.id == Appeal.comment_id)
        .outerjoin(Thread, Thread.id == func.coalesce(Comment.thread_id, ModerationAction.thread_id))
        .outerjoin(Article, Article.id == Thread.article_id)
        .where(
            Appeal.outcome == "open",
            Appeal.user_id != user_id,
            or_(ModerationAction.actor_id.is_(None), ModerationAction.actor_id != user_id),
        )
    )


def ledger_for(sections: Sections) -> Select[*tuple[Any, ...]]:
    """Decisions with the words of the comment for moderators of these sections, and whether it stands there."""
    return (
        select(
            ModerationAction.id, ModerationAction.action, ModerationAction.actor_id, ModerationAction.user_id,
            ModerationAction.comment_id, ModerationAction.thread_id, ModerationAction.from_state,
            ModerationAction.to_state, ModerationAction.revision, ModerationAction.reason, ModerationAction.rule_id,
            ModerationAction.undoes_id, ModerationAction.batch_id, ModerationAction.subject, ModerationAction.before,
            ModerationAction.after, ModerationAction.created_at, _actor.display_name.label("actor"),
            _person.display_name.label("person"), Rule.title.label("rule_title"),
            words_for(sections).label("body_source"), stands_within(sections).label("is_ours"),
            Article.slug, Article.headline, Article.section_id,
            or_(
                exists().where(_undoing.undoes_id == ModerationAction.id),
                and_(
                    ModerationAction.action.in_(DECISIONS),
                    exists().where(
                        _later.comment_id == ModerationAction.comment_id,
                        _later.id > ModerationAction.id,
                        _later.action.in_(DECISIONS),
                    ),
                ),
            ).label("is_past"),
        )
        .outerjoin(_actor, _actor.id == ModerationAction.actor_id)
        .outerjoin(_person, _person.id == ModerationAction.user_id)
        .outerjoin(Rule, Rule.id == ModerationAction.rule_id)
        .outerjoin(Comment, Comment.id == ModerationAction.comment_id)
        .outerjoin(Thread, Thread.id == ModerationAction.thread_id)
        .outerjoin(Article, Article.id == Thread.article_id)
    )  # fmt: skip


LEDGER = ledger_for(None)


def decided(
    session: Session, sections: Sections, before: int | None, *, actor_id: int | None = None
) -> list[Row[Any]]:
    """Decisions, not settings, the newest first; with sections, those made there. One more than a page."""
    statement = ledger_for(sections).where(ModerationAction.subject == "")
    statement = statement.order_by(ModerationAction.id.desc()).limit(PAGE + 1)
    if sections is not None:
        statement = statement.where(or_(ModerationAction.thread_id.is_(None), within(sections)))
    if actor_id is not None:
        statement = statement.where(ModerationAction.actor_id == actor_id)
    if before:
        statement = statement.where(ModerationAction.id < before)
    return list(session.execute(statement))


def decisions_about(session: Session, sections: Sections, user_id: int, before: int | None) -> list[Row[Any]]:
    """Decisions about a person and, with sections, their comments there; the newest first. One more than a page."""
    statement = ledger_for(sections).where(ModerationAction.user_id == user_id)
    statement = statement.order_by(ModerationAction.id.desc()).limit(PAGE + 1)
    if sections is not None:
        statement = statement.where(or_(ModerationAction.thread_id.is_(None), within(sections)))
    return list(session.execute(statement.where(ModerationAction.id < before) if before else statement))


def decisions_about_thread(session: Session, thread_id: int) -> list[Row[Any]]:
    """What was decided about a discussion as a whole, the newest first, at most a page."""
    here = and_(
        ModerationAction.thread_id == thread_id, ModerationAction.action.in_(("thread", "modes", "surge", "move"))
    )
    came = and_(ModerationAction.action == "move", ModerationAction.to_state == str(thread_id))
    statement = LEDGER.where(or_(here, came))
    return list(session.execute(statement.order_by(ModerationAction.id.desc()).limit(PAGE)))


def published_at(session: Session, thread_id: int) -> datetime | None:
    """When the article above a discussion was published first."""
    chosen = select(Article.published_at).join(Thread, Thread.article_id == Article.id)
    return session.scalar(chosen.where(Thread.id == thread_id))


def decision(session: Session, action_id: int) -> Row[Any] | None:
    """One decision."""
    return one(session, LEDGER.where(ModerationAction.id == action_id))


def undone_by(session: Session, action_id: int) -> int | None:
    """Which decision this one took back, if it did."""
    return session.scalar(select(ModerationAction.undoes_id).where(ModerationAction.id == action_id))


def decisions_on(session: Session, comment_ids: Sequence[int]) -> list[Row[Any]]:
    """Everything that was decided about these comments or because of them, the first decision first."""
    return list(
        session.execute(
            LEDGER.where(ModerationAction.comment_id.in_(comment_ids)).order_by(ModerationAction.id)
        )
    )


def last_decision(session: Session, comment_id: int) -> Row[Any] | None:
    """The newest decision about a comment itself."""
    return one(
        session,
        LEDGER.where(ModerationAction.comment_id == comment_id, ModerationAction.action.in_(DECISIONS))
        .order_by(ModerationAction.id.desc())
        .limit(1),
    )


def staff_member(session: Session, user_id: int) -> Viewer:
    """A person as rules see them when they decide: name, roles and limits. Unknown people have none."""
    rows = session.execute(
        select(User.id, User.display_name, RoleGrant.name, ModeratedSection.section_id)
        .outerjoin(RoleGrant, RoleGrant.user_id == User.id)
        .outerjoin(ModeratedSection, ModeratedSection.user_id == User.id)
        .where(User.id == user_id, User.active, User.deleted_at.is_(None))
    ).all()
    if not rows:
        return Viewer()
    return Viewer(
        id=rows[0].id,
        display_name=rows[0].display_name,
        roles=frozenset(row.name for row in rows if row.name),
        section_ids=frozenset(row.section_id for row in rows if row.section_id),
    )


def rule(session: Session, rule_id: int) -> Rule | None:
    """A rule of the conversation, also one no longer in force."""
    return session.get(Rule, rule_id)


def held(session: Session, comment_id: int, revision: int) -> Row[Any] | None:
    """A comment that the screening holds in this text, and who wrote it; none of somebody who has left."""
    return one(
        session,
        select(Comment.author_id, Comment.body_source, Comment.status, Comment.created_at, Article.headline,
               Article.section_id, User.email)
        .join(User, User.id == Comment.author_id)
        .join(Thread, Thread.id == Comment.thread_id)
        .join(Article, Article.id == Thread.article_id)
        .where(
            Comment.id == comment_id, Comment.revision == revision, Comment.status == "withheld",
            User.deleted_at.is_(None),
        ),
    )  # fmt: skip


def was_withheld(session: Session, comment_id: int, revision: int) -> bool:
    """Whether it is on record that a program took this text out of sight."""
    return bool(session.scalar(select(exists().where(
        ModerationAction.comment_id == comment_id, ModerationAction.action == "withhold",
        ModerationAction.revision == revision,
    ))))  # fmt: skip


def was_told(session: Session, comment_id: int) -> bool:
    """Whether a mail about a rejection of this comment was written, so that its author waits for news."""
    actions = session.scalars(
        select(StatementOfReasons.action_id).where(StatementOfReasons.comment_id == comment_id)
    )
    return any(mail_queries.mail_asked_for(mail_key(action_id)) for action_id in actions)


def mail_key(action_id: int) -> str:
    """What makes a mail about a decision go out once."""
    return f"moderation:{action_id}"


def address_of(session: Session, user_id: int) -> str | None:
    """The address of a person who is still here."""
    return session.scalar(select(User.email).where(User.id == user_id, User.deleted_at.is_(None)))


def reporters_answered(session: Session, comment_id: int, decided_at: datetime) -> Sequence[int]:
    """The readers with an account whose reports of a comment were closed by the decision of that moment."""
    return list(session.scalars(
        select(Report.reporter_id)
        .where(
            Report.comment_id == comment_id, Report.resolved_at == decided_at, Report.reporter_id.is_not(None)
        )
        .order_by(Report.reporter_id)
    ))  # fmt: skip


def rejections_of(session: Session, comment_id: int) -> Sequence[int]:
    """Every decision that ever rejected a comment."""
    return list(session.scalars(
        select(ModerationAction.id).where(
            ModerationAction.comment_id == comment_id, ModerationAction.action == "reject"
        )
    ))  # fmt: skip


def lifted_in_batch(session: Session, user_id: int, lifted_at: datetime | None, batch_id: int | None) -> bool:
    """Whether it was this batch that lifted a sanction of a person at that moment."""
    if batch_id is None or lifted_at is None:
        return False
    found = exists().where(
        ModerationAction.batch_id == batch_id, ModerationAction.user_id == user_id, ModerationAction.action == "lift",
        ModerationAction.created_at == lifted_at,
    )  # fmt: skip
    return bool(session.scalar(select(found)))
