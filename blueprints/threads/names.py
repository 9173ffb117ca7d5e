"""The name under which a comment is shown, wherever it is shown.

A name disappears in two ways, and this is the one place that knows of both: an author leaves the site and their words
stay (the account is emptied), or an author takes their name off one comment (`Comment.nameless`) and stays. Who wrote
such a comment is known to its author and to moderators only: no badge, page, list, notice or search tells it.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, case

from models.thread import Comment
from models.user import User

FORMER_READER = "Former reader"
NAME_WITHDRAWN = "Name withdrawn"


def is_named(comment: Any = Comment, author: Any = User) -> ColumnElement[bool]:
    """Whether others are told who wrote a comment."""
    return and_(comment.nameless.is_(False), author.deleted_at.is_(None))


def shown_name(comment: Any = Comment, author: Any = User) -> ColumnElement[str]:
    """What is shown in the place of the author's name."""
    return case(
        (comment.nameless, NAME_WITHDRAWN), (author.deleted_at.is_not(None), FORMER_READER), else_=author.display_name
    )
