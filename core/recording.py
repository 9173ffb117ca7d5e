"""What staff change, gathered as it is written: which row, what stood before, what stands after.

A model that is named with `record` is watched. While somebody on the staff acts, every row of it that a flush makes,
changes or removes is handed to the writers just before the commit, in the same transaction: none can be forgotten by
whoever writes a form. Statements that go past the session (`insert`, `update`, `delete`) must say so with `note`.
What readers do and what programs do by themselves is not recorded here, and costs a look at the row's type.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from flask import has_request_context
from sqlalchemy import event, inspect
from sqlalchemy.orm import Session

from core.records import dataclass
from core.viewer import current_viewer

Values = dict[str, Any]
_GATHERED = "recorded"
_CAUSE = "recording because of"


@dataclass(frozen=True, slots=True)
class Watched:
    """A model whose rows are recorded: their noun, which fields count, whom a row concerns, by what people know it."""

    noun: str
    fields: tuple[str, ...]
    key: tuple[str, ...] = ("id",)
    person: str = ""  # the field with the person it concerns
    called: str = ""  # the field with the name people know it by
    when: Callable[[Values], bool] | None = None  # of the values before or after: only rows like that
    returns: bool = False  # a program may put back what stood before
    goes: bool = False  # and remove a row that was made


@dataclass(frozen=True, slots=True)
class Change:
    """One row that was made (`before` is None), changed, or removed (`after` is None). Only what differs is in it."""

    noun: str
    key: str
    before: Values | None
    after: Values | None
    actor_id: int | None
    person_id: int | None = None
    undoes_id: int | None = None

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.key}"


WATCHED: dict[type, Watched] = {}
writers: list[Callable[[Session, Change], None]] = []  # each writes a change down; called inside the transaction

_acting: ContextVar[tuple[int | None] | None] = ContextVar("acting", default=None)


def record(model: type, watched: Watched) -> None:
    """Have the rows of a model recorded from now on."""
    WATCHED[model] = watched


@contextmanager
def acting(user_id: int | None) -> Iterator[None]:
    """Record what happens inside as done by this person; None for a command of the operator."""
    token = _acting.set((user_id,))
    try:
        yield
    finally:
        _acting.reset(token)


@contextmanager
def because_of(session: Session, action_id: int) -> Iterator[None]:
    """Record what is written inside as taking back this entry."""
    session.info[_CAUSE] = action_id
    try:
        yield
    finally:
        session.info.pop(_CAUSE, None)


def note(
    session: Session, noun: str, key: object, *, before: Values | None, after: Values | None,
    person_id: int | None = None,
) -> None:  # fmt: skip
    """Record a change that a statement made past the session."""
    if (who := _who()) is not None:
        session.connection()  # so that the session commits, and writes it down then
        _add(session, Change(noun, str(key), before, after, who[0], person_id, session.info.get(_CAUSE)))


def plain(value: Any) -> Any:
    """A value as it is written down: a moment in UTC to the microsecond."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value


def _who() -> tuple[int | None] | None:
    said = _acting.get()
    if said is not None:
        return said
    if not has_request_context():
        return None
    viewer = current_viewer()
    return (viewer.id,) if viewer.is_staff else None


@event.listens_for(Session, "after_flush")
def _gather(session: Session, _context: object) -> None:
    rows = [row for rows in (session.new, session.dirty, session.deleted) for row in rows if type(row) in WATCHED]
    if not rows or (who := _who()) is None:
        return
    for row in rows:
        change = _change(row, WATCHED[type(row)], who[0], is_new=row in session.new, is_gone=row in session.deleted)
        if change is not None:
            _add(session, replace(change, undoes_id=session.info.get(_CAUSE)))


def _change(row: Any, watched: Watched, actor_id: int | None, *, is_new: bool, is_gone: bool) -> Change | None:
    state: Any = inspect(row)
    before: Values = {}
    after: Values = {}
    for name in watched.fields:
        history = state.attrs[name].history
        after[name] = plain(state.dict.get(name))
        before[name] = plain(history.deleted[0]) if history.deleted else after[name]
    if watched.when and not (watched.when(before) or watched.when(after)):
        return None
    key = ".".join(str(state.dict.get(name)) for name in watched.key)
    person = after.get(watched.person) if watched.person else None
    if is_gone:
        return Change(watched.noun, key, before, None, actor_id, person)
    if is_new:
        return Change(watched.noun, key, None, after, actor_id, person)
    differing = [name for name in watched.fields if before[name] != after[name]]
    if not differing:
        return None
    return Change(
        watched.noun, key, {name: before[name] for name in differing}, {name: after[name] for name in differing},
        actor_id, person,
    )  # fmt: skip


def _add(session: Session, change: Change) -> None:
    """Several flushes of one transaction make one change of a row: what stood first, what stands last."""
    gathered: dict[str, Change] = session.info.setdefault(_GATHERED, {})
    known = gathered.get(change.subject)
    if known is None:
        gathered[change.subject] = change
        return
    before = None if known.before is None else (change.before or {}) | known.before
    after = None if change.after is None else (known.after or {}) | change.after
    gathered[change.subject] = replace(change, before=before, after=after)


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    session.flush()
    for change in session.info.pop(_GATHERED, {}).values():
        if change.before != change.after:
            for write in writers:
                write(session, change)


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, _previous: object) -> None:
    session.info.pop(_GATHERED, None)
