"""What is a reader's own on a page of a thread."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, exists, select, text
from sqlalchemy.orm import Session

from blueprints.threads.screening.rules import NUMBERS
from core.db import UTCDateTime
from core.prepared import Prepared
from core.records import dataclass
from models.notice import Follow, Mute

VISIT_GAP = timedelta(minutes=30)  # after the last request the next one begins a new visit
NOTED_EVERY = timedelta(minutes=5)  # a visit that goes on is noted so often at most
VISIT_OVER = VISIT_GAP + NOTED_EVERY  # after it was noted, because requests may have come since
PUBLISHED_COUNTED = NUMBERS["first_comments"].most  # nobody with so many comments is new
NEW_COUNTED = 100  # comments that are new; more are "more than 100"


@dataclass(frozen=True, slots=True)
class Mine:
    """What a reader has to do with a page of a thread."""

    respected: tuple[int, ...] = ()
    has_waiting: bool = False
    has_drafts: bool = False
    muted: tuple[int, ...] = ()  # people on the page
    follows_thread: bool = False
    follows_branch: bool = False
    draft_generation: int = 0  # of the place for a new root, see `blueprints.threads.drafts`
    seen_number: int | None = None  # what was published behind this version of the thread is new; None: never here
    visit_is_noted: bool = False  # just now, see `blueprints.threads.visits`
    new: tuple[int, ...] = ()  # the first comments by others that are new, by when they came
    has_more_new: bool = False
    published: int = 0  # comments of theirs, everywhere, counted up to `PUBLISHED_COUNTED`
    setup_version: int = 0  # what the screening goes by now


_BASE = "CASE WHEN visited_at < :begun THEN reached_number ELSE seen_number END"
_PUBLISHED = (
    f"SELECT id FROM comment WHERE author_id = :user_id AND status = 'published' LIMIT {PUBLISHED_COUNTED}"  # noqa: S608
)
_OF_VISIT = "FROM thread_visit WHERE user_id = :user_id AND thread_id = :thread_id"


def mine_statement(ids: Sequence[int], authors: Iterable[int]) -> Prepared:
    """The statement that `mine_on_page` runs for a page with these comments by these people.

    Written out, with the ids in it, because a page is asked for by every member: made once and kept with the page, it
    costs a fifth of what the same question costs when it is put together each time.
    """
    listed = ", ".join(str(int(comment_id)) for comment_id in ids) or "0"
    people = ", ".join(str(int(user_id)) for user_id in sorted(authors)) or "0"
    return Prepared(text(
        "SELECT 0 AS kind, comment_id AS id FROM respect "  # noqa: S608 - whole numbers only
        f"WHERE user_id = :user_id AND comment_id IN ({listed}) "
        "UNION ALL SELECT 1, id FROM comment WHERE author_id = :user_id "
        "AND status IN ('pending', 'withheld', 'rejected') AND thread_id = :thread_id AND NOT shown "
        "UNION ALL SELECT CASE body WHEN '' THEN 6 ELSE 2 END, CASE parent_key WHEN 0 THEN generation ELSE 0 END "
        "FROM draft WHERE user_id = :user_id AND article_id = :article_id "
        f"UNION ALL SELECT 3, muted_id FROM mute WHERE user_id = :user_id AND muted_id IN ({people}) "
        "UNION ALL SELECT CASE kind WHEN 'thread' THEN 4 ELSE 5 END, target_id FROM follow WHERE user_id = :user_id "
        "AND (kind = 'thread' AND target_id = :thread_id OR kind = 'branch' AND target_id = :root_id) "
        f"UNION ALL SELECT CASE WHEN visited_at > :due THEN 8 ELSE 7 END, {_BASE} {_OF_VISIT} "
        # The number is a scalar: so every planner enters the index at it, without knowing how much follows.
        "UNION ALL SELECT 9, id FROM (SELECT id FROM comment WHERE thread_id = :thread_id AND status = 'published' "
        f"AND published_number > (SELECT {_BASE} {_OF_VISIT}) AND author_id <> :user_id "
        "AND author_id NOT IN (SELECT muted_id FROM mute WHERE user_id = :user_id) "
        f"ORDER BY published_number LIMIT {NEW_COUNTED + 1}) AS arrived "
        f"UNION ALL SELECT 10, count(*) FROM ({_PUBLISHED}) AS said "
        "UNION ALL SELECT 11, version FROM screening_state WHERE id = 1"
    ).bindparams(bindparam("begun", type_=UTCDateTime()), bindparam("due", type_=UTCDateTime())))  # fmt: skip


def mine_on_page(
    session: Session | None, statement: Prepared, *, user_id: int, now: datetime, thread_id: int = 0,
    article_id: int = 0, root_id: int = 0,
) -> Mine:  # fmt: skip
    """What is the reader's own on a page: what they respect, mute and follow, what is new to them in the thread, and
    whether there is more to ask for."""
    rows = statement.all(
        session, user_id=user_id, thread_id=thread_id, article_id=article_id, root_id=root_id,
        begun=now - VISIT_OVER, due=now - NOTED_EVERY,
    )  # fmt: skip
    kinds = {row[0] for row in rows}
    new = [row[1] for row in rows if row[0] == 9]
    return Mine(
        tuple(row[1] for row in rows if row[0] == 0), 1 in kinds, 2 in kinds,
        tuple(row[1] for row in rows if row[0] == 3), 4 in kinds, 5 in kinds,
        max((row[1] for row in rows if row[0] in {2, 6}), default=0),
        next((row[1] for row in rows if row[0] in {7, 8}), None), 8 in kinds, tuple(new[:NEW_COUNTED]),
        len(new) > NEW_COUNTED,
        *(next((row[1] for row in rows if row[0] == kind), 0) for kind in (10, 11)),
    )  # fmt: skip


_COUNT_PUBLISHED = Prepared(text(f"SELECT count(*) FROM ({_PUBLISHED}) AS said"))  # noqa: S608 - a whole number only


def published_by(session: Session, user_id: int) -> int:
    """How many comments of somebody are published, counted up to `PUBLISHED_COUNTED`."""
    return int(_COUNT_PUBLISHED.scalar(session, user_id=user_id))


def stance(session: Session, user_id: int, other_id: int) -> tuple[bool, bool]:
    """Whether one has muted the other, and whether they follow them."""
    row = session.execute(select(
        exists().where(Mute.user_id == user_id, Mute.muted_id == other_id),
        exists().where(Follow.user_id == user_id, Follow.kind == "person", Follow.target_id == other_id),
    )).one()  # fmt: skip
    return bool(row[0]), bool(row[1])
