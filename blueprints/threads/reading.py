"""How a reader reads: the order and the keys they chose. Nothing here commits."""

from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from blueprints.threads.ordering import SORTS
from core.errors import DomainError
from core.viewer import Viewer
from models.user import User


def keep_sort(session: Session, viewer: Viewer, sort: str, *, may_be_none: bool = False) -> None:
    """Show this reader every discussion in this order from now on; with an empty one, as the paper does."""
    if sort not in SORTS and (sort or not may_be_none):
        raise DomainError("There is no such order.")
    _set(session, viewer, thread_sort=sort or None)


def use_keys(session: Session, viewer: Viewer, *, on: bool) -> None:
    """Let single keys move this reader through discussions, or not."""
    _set(session, viewer, reading_keys=on)


def _set(session: Session, viewer: Viewer, **values: Any) -> None:
    session.execute(
        update(User).where(User.id == viewer.id).values(**values).execution_options(synchronize_session=False)
    )
