"""The texts that a comment had, with what changed from one to the next.

Readers see texts that everybody could read while they stood; the author and the moderators see the others too. Hidden
words stay hidden here, and words that were blanked are nowhere.
"""

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup

from blueprints.threads import policy, queries
from blueprints.threads.facts import CommentFacts, ThreadFacts
from core.changes import Change, changes
from core.db import db
from core.markup import plain_text
from core.records import dataclass
from core.viewer import Viewer
from models.thread import Revision

MOST_SHOWN = 20  # texts of one comment, from the newest down; nobody reads more, and each is compared


@dataclass(frozen=True, slots=True)
class Version:
    """One text. `changes` says what became of the one before it: none for the first, and where the words are the same.
    """

    number: int
    created_at: datetime
    body: Markup
    changes: tuple[Change, ...]
    is_first: bool
    was_public: bool
    stands: bool


def history_of(viewer: Viewer, facts: ThreadFacts, comment: CommentFacts) -> list[Version]:
    """The texts that this viewer may see, the first one first. Whether they may see any is the caller's question."""
    sees_all = policy.sees_all_versions(viewer, facts, comment)
    rows = [
        row for row in queries.revisions_of(db.session(), comment.id)
        if row.body_source and (sees_all or _is_public(row, comment))
    ][-MOST_SHOWN:]  # fmt: skip
    return [_version(rows, at, comment) for at in range(len(rows))]


def _is_public(row: Revision, comment: CommentFacts) -> bool:
    if row.number == comment.revision:
        return comment.status == "published"
    return row.was_published


def _version(rows: Sequence[Revision], at: int, comment: CommentFacts) -> Version:
    row = rows[at]
    found = changes(plain_text(rows[at - 1].body_html), plain_text(row.body_html)) if at else []
    return Version(
        number=row.number,
        created_at=row.created_at,
        body=Markup(row.body_html),  # noqa: S704 - cleaned when it was written
        changes=tuple(found) if any(change.kind != "same" for change in found) else (),
        is_first=at == 0,
        was_public=_is_public(row, comment),
        stands=row.number == comment.revision,
    )
