"""The discussion of an article, and what people do in it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, String, Text, UniqueConstraint, false, text, true
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base
from models.base import CreatedAt, Id
from models.user import User

COMMENT_STATUSES = ("published", "pending", "withheld", "rejected", "deleted")
REPORT_REASONS = ("offensive", "abusive", "spam", "off-topic", "illegal", "other")

# In the words of their indexes, so that both databases see that these hold what is asked for.
IS_UNANSWERED = text("is_question AND answered_at IS NULL AND status = 'published'")
IS_ANSWERED = text("is_question AND answered_at IS NOT NULL AND status = 'published'")
IS_NEWCOMERS = text("by_newcomer AND reviewed_revision < revision")


class Thread(Base):
    """The discussion of one article. `version` rises with every change a reader can see."""

    __tablename__ = "thread"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'closed', 'hidden')", name="state"),
        CheckConstraint("published_count >= 0 AND root_count >= 0", name="counts"),
        CheckConstraint("picked_count >= 0", name="picked_count"),
        CheckConstraint("members_first_hours > 0", name="members_first_hours"),
        CheckConstraint("closes_after_days > 0", name="closes_after_days"),
        CheckConstraint("question_count >= 0", name="question_count"),
        CheckConstraint("answered_count >= 0", name="answered_count"),
    )

    id: Mapped[Id]
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"), unique=True)
    state: Mapped[str] = mapped_column(String(10), default="open")
    closed_reason: Mapped[str] = mapped_column(String(300), default="")
    closed_at: Mapped[datetime | None]  # when somebody closed it, while it is closed
    premoderated: Mapped[bool] = mapped_column(default=False)
    opening_question: Mapped[str] = mapped_column(String(300), default="")
    # At least this long between two comments of one person here; 0: no limit; empty: the pace of every discussion.
    pace_seconds: Mapped[int | None]
    # Until that moment members comment alone, then every registered reader may. The hours count from publication.
    members_first_until: Mapped[datetime | None]
    members_first_hours: Mapped[int | None]
    # At that moment it closes by itself. The days count from publication.
    closes_at: Mapped[datetime | None]
    closes_after_days: Mapped[int | None]
    # Readers ask, guests and the author answer; new questions are taken between the two moments.
    # Readers report much here: so long between two comments of one person, until that moment.
    brake_seconds: Mapped[int | None]
    brake_until: Mapped[datetime | None]
    takes_questions: Mapped[bool] = mapped_column(default=False)
    questions_open_at: Mapped[datetime | None]
    questions_close_at: Mapped[datetime | None]
    has_quiz: Mapped[bool] = mapped_column(default=False)
    question_count: Mapped[int] = mapped_column(default=0)  # published questions
    answered_count: Mapped[int] = mapped_column(default=0)  # those of them that have an answer
    published_count: Mapped[int] = mapped_column(default=0)
    root_count: Mapped[int] = mapped_column(default=0)  # published roots
    last_comment_at: Mapped[datetime | None]  # when a comment was last published here
    picked_count: Mapped[int] = mapped_column(default=0)  # published comments that are picked
    version: Mapped[int] = mapped_column(default=1)


class Comment(Base):
    """What somebody said. A reply has a parent; `path` orders a branch depth-first, `root_id` gathers it.

    `reply_count` counts published direct replies, `branch_count` on a root all published comments under it.
    `score` is the lower Wilson bound that the sort "best" uses. `row_version` rises with every visible change.
    `revision` is the number of the text that stands now; decisions name the revision they were made on.
    A question is a reader's root in a thread that took questions when it was written; an answer is a direct reply to
    one by a guest or the author. `answered_at` on a question is the moment its first answer was published.
    """

    __tablename__ = "comment"
    __table_args__ = (
        CheckConstraint(
            "status IN ('published', 'pending', 'withheld', 'rejected', 'deleted')", name="status"
        ),
        CheckConstraint(
            "respect_count >= 0 AND report_count >= 0 AND reply_count >= 0 AND branch_count >= 0",
            name="counts",
        ),
        CheckConstraint("(parent_id IS NULL) = (depth = 0)", name="depth"),
        # Pages of roots, one index per sort; `shown` roots are those a page may list.
        Index("ix_comment_roots_time", "thread_id", "shown", "id", sqlite_where=text("parent_id IS NULL"),
              postgresql_where=text("parent_id IS NULL")),
        Index("ix_comment_roots_best", "thread_id", "shown", "score", "id",
              sqlite_where=text("parent_id IS NULL"), postgresql_where=text("parent_id IS NULL")),
        # Questions by the respect for them, and by their first answer.
        Index("ix_comment_unanswered", "thread_id", "respect_count", "id", sqlite_where=IS_UNANSWERED,
              postgresql_where=IS_UNANSWERED),
        Index("ix_comment_answered", "thread_id", "answered_at", "id", sqlite_where=IS_ANSWERED,
              postgresql_where=IS_ANSWERED),
        Index("ix_comment_branch", "root_id", "shown", "path"),
        Index("ix_comment_author", "author_id", "id"),
        # The same words again. The words first: those who ask for an author alone must not be led here.
        Index("ix_comment_said", "body_hash", "author_id"),
        Index("ix_comment_author_status", "author_id", "status"),
        Index("ix_comment_waiting", "status", "id",
              sqlite_where=text("status IN ('pending', 'withheld')"),
              postgresql_where=text("status IN ('pending', 'withheld')")),
        Index("ix_comment_newcomers", "id", sqlite_where=IS_NEWCOMERS, postgresql_where=IS_NEWCOMERS),
        Index("ix_comment_reported", "report_count", "id", sqlite_where=text("report_count > 0"),
              postgresql_where=text("report_count > 0")),
        Index("ix_comment_published", "published_at", "thread_id", "author_id",
              sqlite_where=text("status = 'published'"), postgresql_where=text("status = 'published'")),
        # The newest Picks of a thread, and those of all threads together.
        Index("ix_comment_picked_here", "thread_id", "picked_at", "id",
              sqlite_where=text("picked_at IS NOT NULL AND status = 'published'"),
              postgresql_where=text("picked_at IS NOT NULL AND status = 'published'")),
        Index("ix_comment_picked", "picked_at", "id",
              sqlite_where=text("picked_at IS NOT NULL AND status = 'published'"),
              postgresql_where=text("picked_at IS NOT NULL AND status = 'published'")),
        Index("ix_comment_roots_discussed", "thread_id", "shown", "branch_count", "id",
              sqlite_where=text("parent_id IS NULL"), postgresql_where=text("parent_id IS NULL")),
        # What is new to a reader.
        Index("ix_comment_arrivals", "thread_id", "published_number",
              sqlite_where=text("status = 'published'"), postgresql_where=text("status = 'published'")),
        # Without roots: there are too many of them for this index to be of any use to find them.
        Index("ix_comment_parent", "parent_id", "shown", "id", sqlite_where=text("parent_id IS NOT NULL"),
              postgresql_where=text("parent_id IS NOT NULL")),
    )

    id: Mapped[Id]
    thread_id: Mapped[int] = mapped_column(ForeignKey("thread.id"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("comment.id"))
    root_id: Mapped[int | None] = mapped_column(ForeignKey("comment.id"))  # a root's own id, set with it
    depth: Mapped[int] = mapped_column(default=0)
    path: Mapped[str] = mapped_column(Text().with_variant(Text(collation="C"), "postgresql"), default="")
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    # '', 'author', 'guest' or 'staff', as when written
    author_badge: Mapped[str] = mapped_column(String(20), default="")
    is_question: Mapped[bool] = mapped_column(default=False)
    is_answer: Mapped[bool] = mapped_column(default=False)
    answered_at: Mapped[datetime | None]
    # Its author keeps the words here without their name, which nobody but moderators is shown from then on.
    nameless: Mapped[bool] = mapped_column(server_default=false())
    status: Mapped[str] = mapped_column(String(10))
    # Whether a page lists it: published, or a tombstone that has readable replies.
    shown: Mapped[bool] = mapped_column(default=False)
    body_source: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text)
    body_hash: Mapped[str] = mapped_column(String(64))
    renderer_version: Mapped[int]
    revision: Mapped[int] = mapped_column(default=1)
    row_version: Mapped[int] = mapped_column(default=1)
    respect_count: Mapped[int] = mapped_column(default=0)
    report_count: Mapped[int] = mapped_column(default=0)  # open reports
    reply_count: Mapped[int] = mapped_column(default=0)
    branch_count: Mapped[int] = mapped_column(default=0)
    score: Mapped[float] = mapped_column(Float(53), default=0.0)
    created_at: Mapped[CreatedAt]
    published_at: Mapped[datetime | None]
    published_number: Mapped[int] = mapped_column(default=0, server_default="0")  # the thread's version by then
    edited_at: Mapped[datetime | None]
    picked_at: Mapped[datetime | None]  # of the live Pick, so that lists need no other table
    told_at: Mapped[datetime | None]  # when those concerned were told that it appeared, which happens once
    reviewed_revision: Mapped[int] = mapped_column(default=0, server_default="0")  # the text a person looked at last
    report_weight: Mapped[float] = mapped_column(Float(53), default=0.0, server_default="0")  # of the open reports
    by_newcomer: Mapped[bool] = mapped_column(default=False, server_default=false())  # a trigger on findings sets it

    author: Mapped[User] = relationship(lazy="raise_on_sql", viewonly=True)


class Revision(Base):
    """A text as it stood; number 1 is the first. The standing text is kept here too, so none is ever lost.

    `was_published` is set on a former text when the next one takes its place, if everybody could read it until then:
    only such texts are part of the history that readers see.
    """

    __tablename__ = "revision"
    __table_args__ = (UniqueConstraint("comment_id", "number"),)

    id: Mapped[Id]
    comment_id: Mapped[int] = mapped_column(ForeignKey("comment.id"))
    number: Mapped[int]
    body_source: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text)
    was_published: Mapped[bool] = mapped_column(server_default=false())
    created_at: Mapped[CreatedAt]


class Mention(Base):
    """Somebody whom the standing text of a comment names, under the name they had then."""

    __tablename__ = "mention"
    __table_args__ = (Index("ix_mention_user", "user_id", "comment_id"),)

    comment_id: Mapped[int] = mapped_column(ForeignKey("comment.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))


class Respect(Base):
    """One reader's respect for one comment."""

    __tablename__ = "respect"
    __table_args__ = (Index("ix_respect_user", "user_id", "comment_id"),)

    comment_id: Mapped[int] = mapped_column(ForeignKey("comment.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    created_at: Mapped[CreatedAt]


class Pick(Base):
    """A comment that the newsroom holds up, and why. One live Pick per comment; ended ones stay as a record."""

    __tablename__ = "pick"
    __table_args__ = (
        Index("uq_pick_live", "comment_id", unique=True, sqlite_where=text("ended_at IS NULL"),
              postgresql_where=text("ended_at IS NULL")),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended"),
        Index("ix_pick_author", "author_id", "id"),
    )

    id: Mapped[Id]
    comment_id: Mapped[int] = mapped_column(ForeignKey("comment.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"))  # whose comment it is
    note: Mapped[str] = mapped_column(String(300), default="")
    picked_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
    picked_at: Mapped[datetime]
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    ended_at: Mapped[datetime | None]


class CommentWords(Base):
    """The words of a published comment as the search finds them (`threads.search.words`).

    `revision` says of which text; an entry of another one than stands now finds nothing. On SQLite triggers carry the
    words into the full-text table `search_comment`; on PostgreSQL they are a tsvector with an index.
    """

    __tablename__ = "comment_words"
    __table_args__ = (
        Index("ix_comment_words_words", "words", postgresql_using="gin").ddl_if(dialect="postgresql"),
    )

    comment_id: Mapped[int] = mapped_column(ForeignKey("comment.id"), primary_key=True)
    revision: Mapped[int]
    words: Mapped[str] = mapped_column(Text().with_variant(TSVECTOR(), "postgresql"))


class Report(Base):
    """A complaint about a comment. `reporter_key` is one per person or guest browser, so nobody counts twice."""

    __tablename__ = "report"
    __table_args__ = (
        UniqueConstraint("comment_id", "reporter_key"),
        CheckConstraint(
            "reason IN ('offensive', 'abusive', 'spam', 'off-topic', 'illegal', 'other')", name="reason"
        ),
        Index("ix_report_comment", "comment_id", "resolved_at"),
        Index("ix_report_reporter", "reporter_id", "resolved_at"),
    )

    id: Mapped[Id]
    comment_id: Mapped[int] = mapped_column(ForeignKey("comment.id"))
    reporter_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    reporter_key: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(String(12))
    note: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[CreatedAt]
    resolved_at: Mapped[datetime | None]
    weight: Mapped[float] = mapped_column(Float(53), default=1.0, server_default="1")  # how right its reporter has been
    cluster: Mapped[str] = mapped_column(String(64), default="", server_default="")  # those of one weigh as one
    withdrawn_at: Mapped[datetime | None]  # by its reporter; then resolved_at is set too


class Finding(Base):
    """What one check of the screening found in one revision.

    `passages` are where, as "12-18 40-44": places in the source of that revision, counted in code points.
    `setup_id` is the version of the settings that gave it its severity; empty while the program's own were in force.
    """

    __tablename__ = "finding"
    __table_args__ = (Index("ix_finding_comment", "comment_id", "revision"),)

    id: Mapped[Id]
    comment_id: Mapped[int] = mapped_column(ForeignKey("comment.id"))
    revision: Mapped[int]
    check: Mapped[str] = mapped_column(String(40))
    severity: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(300))
    rule_version: Mapped[int]
    rule: Mapped[str] = mapped_column(String(60), default="", server_default="")
    passages: Mapped[str] = mapped_column(Text, default="", server_default="")
    setup_id: Mapped[int | None]
    checked: Mapped[bool] = mapped_column(default=True, server_default=true())  # False: the check itself failed
    created_at: Mapped[CreatedAt]


class Draft(Base):
    """Text not yet posted, one per owner and place. The owner is a guest's browser or a reader, never both.

    `generation` rises with everything that happens at the place. Posted or discarded words leave a row without words
    behind for a while, so that a page that was opened before cannot bring them back.
    """

    __tablename__ = "draft"
    __table_args__ = (
        UniqueConstraint("guest_hash", "article_id", "parent_key"),
        UniqueConstraint("user_id", "article_id", "parent_key"),
        CheckConstraint("(guest_hash IS NULL) != (user_id IS NULL)", name="owner"),
        CheckConstraint("generation > 0", name="generation"),
        Index("ix_draft_expires", "expires_at"),
    )

    id: Mapped[Id]
    guest_hash: Mapped[str | None] = mapped_column(String(64))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"))
    parent_key: Mapped[int] = mapped_column(default=0)  # the comment answered, 0 for a new root
    body: Mapped[str] = mapped_column(Text)
    generation: Mapped[int] = mapped_column(server_default="1")
    updated_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime]


class WaitingTime(Base):
    """How long comments lately waited for a decision: the middle one of the last so many, worked out by a job."""

    __tablename__ = "waiting_time"
    __table_args__ = (CheckConstraint("seconds >= 0 AND decisions > 0", name="counts"),)

    section_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # 0 for the whole site
    seconds: Mapped[int]
    decisions: Mapped[int]
    computed_at: Mapped[datetime]
