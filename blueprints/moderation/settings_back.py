"""Putting a setting back to what it was before an entry of the ledger. Inside the caller's transaction."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, inspect, select
from sqlalchemy.orm import Session

from blueprints.site.queries import bump_site_version
from blueprints.threads.thread_state import shown_or_hidden
from core.db import Base
from core.errors import Conflict, DomainError
from core.recording import WATCHED, Values, Watched, because_of, plain
from models.article import Article
from models.user import RoleGrant

BY_HAND = "This is put right by hand: what was sold, given or shown cannot be taken back unseen."


def may_go_back(noun: str) -> bool:
    """Whether settings of this sort can be put back by a program."""
    found = _watched(noun)
    return found is not None and found[1].returns


def take_back_setting(session: Session, row: Row[Any]) -> None:
    """Put back what stood before this entry, if what it set still stands. The record is written with it.

    Raises DomainError for what is put right by hand, and Conflict where it was changed again since.
    """
    found = _watched(row.action)
    if found is None or not found[1].returns:
        raise DomainError(BY_HAND)
    model, watched = found
    before: Values | None = json.loads(row.before) if row.before else None
    after: Values | None = json.loads(row.after) if row.after else None
    standing = _standing(session, model, watched, row.subject.partition(":")[2])
    with because_of(session, row.id):
        if before is None:
            _unmake(session, standing, watched)
        elif after is None:
            _make_again(session, model, standing, before)
        else:
            _set_back(standing, before, after)
        if isinstance(standing, Article):
            standing.version += 1
            if "state" in (before or {}):
                shown_or_hidden(standing.id)
        session.flush()
    bump_site_version()


def _unmake(session: Session, standing: Any, watched: Watched) -> None:
    if standing is None:
        raise Conflict("This is gone already.")
    if isinstance(standing, RoleGrant) and standing.name == "publisher":
        publishers = session.scalar(select(func.count()).where(RoleGrant.name == "publisher"))
        if (publishers or 0) < 2:
            raise Conflict("This is the only publisher. Make somebody else a publisher first.")
    if watched.goes:
        session.delete(standing)
    elif hasattr(standing, "active"):
        standing.active = False
    else:
        raise DomainError(BY_HAND)


def _make_again(session: Session, model: type[Any], standing: Any, before: Values) -> None:
    if standing is not None:
        raise Conflict("This is there again already.")
    session.add(model(**{name: _read(model, name, value) for name, value in before.items()}))


def _set_back(standing: Any, before: Values, after: Values) -> None:
    if standing is None or any(plain(getattr(standing, name)) != value for name, value in after.items()):
        raise Conflict("This was changed again since.")
    for name, value in before.items():
        setattr(standing, name, _read(type(standing), name, value))


def _watched(noun: str) -> tuple[type[Any], Watched] | None:
    return next(((model, watched) for model, watched in WATCHED.items() if watched.noun == noun), None)


def _standing(session: Session, model: type[Any], watched: Watched, key: str) -> Base | None:
    parts = dict(zip(watched.key, key.split("."), strict=True))
    found: Base | None = session.scalar(
        select(model)
        .where(*(getattr(model, name) == _read(model, name, part) for name, part in parts.items()))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


def _read(model: type[Any], name: str, value: Any) -> Any:
    """A value as the column holds it, from how it was written down."""
    if value is None:
        return None
    kind = inspect(model).columns[name].type.python_type
    if kind is datetime:
        return datetime.fromisoformat(value)
    return kind(value) if kind is int else value
