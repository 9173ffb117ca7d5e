"""Finding what the screening goes by, and what it compares a text with."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Integer, bindparam, delete, func, insert, literal_column, select, union_all, update
from sqlalchemy.orm import Session

from blueprints.threads.screening.classifier import from_stored
from blueprints.threads.screening.links import Link
from blueprints.threads.screening.setup import Setup, WordList, finder_of, own_host, settings_of
from blueprints.threads.screening.shapes import ALIKE, KEYS, likeness, pairs_of
from blueprints.threads.screening.subject import Twin
from core.prepared import Prepared
from models.screening import (
    CommentShape,
    ScreeningList,
    ScreeningModel,
    ScreeningService,
    ScreeningSetup,
    ScreeningState,
    SpamLink,
)
from models.thread import Comment

CANDIDATES_OF_A_KEY = 6
TWINS_COUNTED = 20

STATE_VERSION = func.coalesce(select(ScreeningState.version).where(ScreeningState.id == 1).scalar_subquery(), 0)
_SHAPES = Prepared(insert(CommentShape).values([
    {"key": bindparam(f"key{number}", type_=BigInteger()), "comment_id": bindparam("the_comment", type_=Integer())}
    for number in range(KEYS)
]))  # fmt: skip


def _of_key(number: int) -> Any:
    newest = (
        select(CommentShape.comment_id)
        .where(CommentShape.key == bindparam(f"key{number}", type_=BigInteger()))
        .order_by(CommentShape.comment_id.desc())
        .limit(literal_column(str(CANDIDATES_OF_A_KEY)))
        .subquery()
    )
    return select(newest.c.comment_id)


_CANDIDATES = Prepared(select(union_all(*(_of_key(number) for number in range(KEYS))).subquery().c.comment_id))


def load_setup(session: Session, version: int) -> Setup:
    """What the screening goes by now, all lists made ready."""
    newest = session.execute(
        select(ScreeningSetup.id, ScreeningSetup.settings).order_by(ScreeningSetup.id.desc()).limit(1)
    ).one_or_none()
    return Setup(
        version=version, id=newest.id if newest else None, **settings_of(newest.settings if newest else {}),
        lists=tuple(word_list(row) for row in active_lists(session)), model=active_model(session),
        services=tuple(session.scalars(
            select(ScreeningService.id).where(ScreeningService.active).order_by(ScreeningService.id)
        )), own_host=own_host(),
    )  # fmt: skip


def active_lists(session: Session) -> Sequence[ScreeningList]:
    """The lists in force."""
    return session.scalars(select(ScreeningList).where(ScreeningList.active).order_by(ScreeningList.id)).all()


def word_list(row: ScreeningList) -> WordList:
    """A list made ready."""
    finder = finder_of(row.kind, row.entries, row.folds_accents, row.sees_through)
    return WordList(row.id, row.kind, row.name, row.severity, row.version, row.rule_id, finder)


def active_model(session: Session) -> Any:
    """What was learned and is in use, or None."""
    row = session.scalar(select(ScreeningModel).where(ScreeningModel.active))
    return from_stored(row.id, row.weights, row.threshold, row.severity) if row else None


_STATE = Prepared(select(STATE_VERSION))


def kept_state(session: Session) -> int:
    """The same as `state_version`, the short way."""
    return int(_STATE.scalar(session))


def state_version(session: Session) -> int:
    """The number that rises with every change of what the screening goes by."""
    return session.scalar(select(STATE_VERSION)) or 0


def raise_state(session: Session) -> int:
    """Let every process read anew. Also the lock under which changes pass one after the other."""
    raised = session.execute(
        update(ScreeningState).where(ScreeningState.id == 1).values(version=ScreeningState.version + 1)
        .returning(ScreeningState.version)
    ).scalar_one_or_none()  # fmt: skip
    if raised is None:
        session.execute(insert(ScreeningState).values(id=1, version=1))
        return 1
    return int(raised)


def add_shape(session: Session, comment_id: int, keys: Sequence[int], *, anew: bool = False) -> None:
    """Let near-repeats of a comment be found; `anew`: by its former words no more, as far as these differ."""
    if not keys:
        return
    if anew:
        session.execute(delete(CommentShape).where(CommentShape.key.in_(keys), CommentShape.comment_id == comment_id))
    _SHAPES.write(session, the_comment=comment_id, **{f"key{number}": key for number, key in enumerate(keys)})


def twins_of(session: Session, keys: Sequence[int], pairs: set[int], *, besides: int = 0) -> list[Twin]:
    """Recent comments with nearly the same words, compared exactly; `besides`: the one that is edited."""
    if not keys:
        return []
    found = _CANDIDATES.all(session, **{f"key{number}": key for number, key in enumerate(keys)})
    ids = sorted({int(row[0]) for row in found} - {besides}, reverse=True)[:TWINS_COUNTED]
    if not ids:
        return []
    rows = session.execute(
        select(Comment.id, Comment.author_id, Comment.thread_id, Comment.body_source)
        .where(Comment.id.in_(ids), Comment.status != "deleted")
    )  # fmt: skip
    return [
        Twin(row.id, row.author_id, row.thread_id) for row in rows
        if likeness(pairs, pairs_of(row.body_source)) >= ALIKE
    ]  # fmt: skip


def known_spam(session: Session, links: Sequence[Link]) -> set[str]:
    """The keys of those links that spam led to before."""
    if not links:
        return set()
    return set(session.scalars(select(SpamLink.key).where(SpamLink.key.in_([link.key for link in links]))))


def forget_shapes(session: Session, before: datetime) -> int:
    """Forget the shapes of comments older than that; how many rows."""
    done = session.execute(delete(CommentShape).where(CommentShape.comment_id <= newest_before(session, before)))
    return int(done.rowcount)  # type: ignore[attr-defined]


def newest_before(session: Session, moment: datetime) -> int:
    """The id of the newest comment older than a moment, found in a few looks: ids rise with time."""
    low, high = 0, session.scalar(select(func.max(Comment.id))) or 0
    while low < high:
        middle = (low + high + 1) // 2
        found = session.execute(
            select(Comment.id, Comment.created_at).where(Comment.id <= middle).order_by(Comment.id.desc()).limit(1)
        ).one_or_none()
        if found is None:
            return 0
        if found.created_at < moment:
            low = middle
        else:
            high = found.id - 1
    return low
