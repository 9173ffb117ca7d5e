"""Whether a person may still read what a notice quotes. This domain knows nothing of threads, so others are asked."""

from collections.abc import Callable, Iterable, Set
from typing import Any

from sqlalchemy.orm import Session

# Each returns those of these places (`scope`) whose words the person with this id may not read at present. The
# following domain registers.
closed_to: list[Callable[[Session, int, Set[str]], Set[str]]] = []


def closed_places(session: Session, user_id: int, rows: Iterable[Any]) -> frozenset[str]:
    """The places of these causes whose words this person may not read at present: told of, they are not quoted."""
    scopes = {row.scope for row in rows if row.excerpt and row.scope}
    return frozenset().union(*(ask(session, user_id, scopes) for ask in closed_to)) if scopes else frozenset()
