"""Finding objections and what was said about decisions."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from blueprints.moderation import queries
from blueprints.moderation.statements import HELD
from core.records import dataclass
from core.viewer import Viewer
from models.article import Article, Section
from models.moderation import Appeal, ModerationAction, Sanction, StatementOfReasons
from models.site import Rule
from models.thread import Comment, Revision, Thread
from models.user import User

_actor = aliased(User)
_person = aliased(User)




_APPEALS = (
    select(
        Appeal.id, Appeal.action_id, Appeal.user_id, Appeal.comment_id, Appeal.body, Appeal.created_at,
        Appeal.outcome, Appeal.answer, Appeal.decided_by, Appeal.decided_at,
        ModerationAction.actor_id.label("first_decider_id"), ModerationAction.action,
        ModerationAction.created_at.label("first_at"), ModerationAction.revision, ModerationAction.from_state,
        Thread.id.label("thread_id"), _actor.display_name.label("first_decider"),
        _person.display_name.label("objector"), StatementOfReasons.text.label("told"),
        Rule.title.label("rule_title"), Revision.body_html, Comment.status, Comment.respect_count,
        Article.section_id, Article.slug, Article.headline, Section.name.label("section_name"),
        Sanction.id.label("sanction_id"), Sanction.kind.label("sanction_kind"),
    )
    .join(ModerationAction, ModerationAction.id == Appeal.action_id)
    .join(_person, _person.id == Appeal.user_id)
    .outerjoin(_actor, _actor.id == ModerationAction.actor_id)
    .outerjoin(StatementOfReasons, StatementOfReasons.action_id == Appeal.action_id)
    .outerjoin(Rule, Rule.id == StatementOfReasons.rule_id)
    .outerjoin(Comment, Comment.id == Appeal.comment_id)
    .outerjoin(
        Revision,
        and_(Revision.comment_id == ModerationAction.comment_id, Revision.number == ModerationAction.revision),
    )
    .outerjoin(Thread, Thread.id == func.coalesce(Comment.thread_id, ModerationAction.thread_id))
    .outerjoin(Article, Article.id == Thread.article_id)
    .outerjoin(Section, Section.id == Article.section_id)
    .outerjoin(Sanction, Sanction.action_id == Appeal.action_id)
)  # fmt: skip


def objections(session: Session, viewer: Viewer, after: int | None) -> list[Row[Any]]:
    """Open objections that this moderator may decide, the oldest first. One more than a page."""
    ids = queries.open_objections(viewer).order_by(Appeal.id).limit(queries.PAGE + 1)
    if after:
        ids = ids.where(Appeal.id > after)
    return list(session.execute(_APPEALS.where(Appeal.id.in_(ids)).order_by(Appeal.id)))


def objection(session: Session, appeal_id: int) -> Row[Any] | None:
    """One objection with the decision it is about, and where the comment stands now."""
    return queries.one(session, _APPEALS.where(Appeal.id == appeal_id))


def left_to_colleagues(session: Session, viewer: Viewer) -> list[Row[Any]]:
    """Open objections that this moderator may not decide, because they are their own or about their own decisions.

    What was moved to another section since is for those who moderate there.
    """
    here = or_(Thread.id.is_(None), queries.within(queries.sections_of(viewer)))
    own = or_(and_(ModerationAction.actor_id == viewer.id, here), Appeal.user_id == viewer.id)
    return list(
        session.execute(_APPEALS.where(Appeal.outcome == "open", own).order_by(Appeal.id).limit(queries.PAGE))
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """A decision that stands, as its author was told it, and the objection to it."""

    action_id: int
    text: str
    told_at: datetime
    appeal_id: int | None
    appeal_body: str
    appealed_at: datetime | None
    outcome: str
    answer: str
    is_withdrawn: bool


_STANDING = select(
    StatementOfReasons.action_id, StatementOfReasons.text, StatementOfReasons.created_at, Appeal.id,
    func.coalesce(Appeal.body, ""), Appeal.created_at, func.coalesce(Appeal.outcome, ""),
    func.coalesce(Appeal.answer, ""), StatementOfReasons.withdrawn_at.is_not(None),
).outerjoin(Appeal, Appeal.action_id == StatementOfReasons.action_id)  # fmt: skip


def standing_rejection(session: Session, comment_id: int) -> Standing | None:
    """What stands against a comment."""
    row = session.execute(
        _STANDING.where(StatementOfReasons.comment_id == comment_id, StatementOfReasons.withdrawn_at.is_(None))
        .order_by(StatementOfReasons.id.desc())
        .limit(1)
    ).one_or_none()
    return Standing(*row) if row else None


def last_objection(session: Session, comment_id: int) -> Standing | None:
    """The newest answered objection about a comment, also where the decision was taken back."""
    row = session.execute(
        _STANDING.where(Appeal.comment_id == comment_id).order_by(Appeal.id.desc()).limit(1)
    ).one_or_none()
    return Standing(*row) if row else None


def standing_sanction(session: Session, sanction_id: int) -> tuple[int, Standing] | None:
    """What stands against a person, and who they are."""
    row = session.execute(
        _STANDING.add_columns(Sanction.user_id)
        .join(Sanction, Sanction.action_id == StatementOfReasons.action_id)
        .where(Sanction.id == sanction_id)
    ).one_or_none()
    return (row[-1], Standing(*row[:-1])) if row else None


def statement_of(session: Session, action_id: int) -> StatementOfReasons | None:
    """What was said about a decision."""
    return session.scalar(select(StatementOfReasons).where(StatementOfReasons.action_id == action_id))


def standing_statements(session: Session, comment_id: int) -> list[StatementOfReasons]:
    """The statements on a comment that were not withdrawn."""
    return list(
        session.scalars(
            select(StatementOfReasons).where(
                StatementOfReasons.comment_id == comment_id, StatementOfReasons.withdrawn_at.is_(None)
            )
        )
    )


def reason_of_hold(session: Session, comment_id: int, revision: int) -> StatementOfReasons | None:
    """Why a program took this text out of sight, withdrawn or not; None where it never could be read."""
    return session.scalar(
        select(StatementOfReasons)
        .join(ModerationAction, ModerationAction.id == StatementOfReasons.action_id)
        .where(
            StatementOfReasons.comment_id == comment_id, StatementOfReasons.restriction == HELD,
            ModerationAction.revision == revision,
        )
        .order_by(StatementOfReasons.id.desc())
        .limit(1)
    )  # fmt: skip


def newest_rejection(session: Session, comment_id: int) -> StatementOfReasons | None:
    """The newest statement on a rejected comment, withdrawn or not."""
    return session.scalar(
        select(StatementOfReasons)
        .where(StatementOfReasons.comment_id == comment_id, StatementOfReasons.restriction != HELD)
        .order_by(StatementOfReasons.id.desc())
        .limit(1)
    )


def appeal_locked(session: Session, appeal_id: int) -> Appeal | None:
    """An objection, locked and fresh."""
    return session.scalar(
        select(Appeal).where(Appeal.id == appeal_id).with_for_update().execution_options(populate_existing=True)
    )


def appeal_about(session: Session, action_id: int) -> Appeal | None:
    """The objection to a decision, locked."""
    return session.scalar(
        select(Appeal)
        .where(Appeal.action_id == action_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def appeal_answered_by(session: Session, comment_id: int | None, user_id: int, at: datetime) -> Appeal | None:
    """The objection that was decided at this moment."""
    return session.scalar(
        select(Appeal).where(
            Appeal.comment_id == comment_id if comment_id is not None else Appeal.comment_id.is_(None),
            Appeal.user_id == user_id,
            Appeal.decided_at == at,
        )
    )


def objections_by(session: Session, user_id: int, since: datetime) -> tuple[int, int]:
    """How many objections of a person wait for an answer, and how many they sent since a moment."""
    is_open = case((Appeal.outcome == "open", 1), else_=0)
    lately = case((Appeal.created_at >= since, 1), else_=0)
    row = session.execute(
        select(func.coalesce(func.sum(is_open), 0), func.coalesce(func.sum(lately), 0)).where(Appeal.user_id == user_id)
    ).one()
    return int(row[0]), int(row[1])


def forget_objections(session: Session, user_id: int) -> None:
    """Empty what a person who leaves had objected; what is open needs no answer any more."""
    for row in session.scalars(select(Appeal).where(Appeal.user_id == user_id)):
        if row.outcome == "open":
            session.delete(row)
        else:
            row.body = ""
