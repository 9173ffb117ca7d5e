"""A comment in its context: what it answers, what else was answered there, and the first of its own replies.

However deep it stands and however many answered the same, what is read stays the same.
"""

from collections.abc import Sequence
from dataclasses import field
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.threads import queries_branch, queries_shown
from blueprints.threads.layout import counted_replies, way_link
from blueprints.threads.ordering import INDENT_LEVELS, SEGMENT, ancestors_in, reply_cursor
from core.records import dataclass

ANCESTORS_SHOWN = 6  # the nearest, besides the root
SIBLINGS_SHOWN = 2  # on either side
TARGET_LEVEL = 2  # where a deep comment is shown, so that its replies can stand further in


@dataclass(frozen=True, slots=True)
class Context:
    """The comments around one, depth first, each with the level it is shown at; `target` says which one it is about.

    The root comes first, the rest of what led here one step in, the comment itself beside its siblings.
    """

    above: list[tuple[Row[Any], int]]
    earlier: list[Row[Any]]
    target: Row[Any]
    level: int
    replies: list[Row[Any]]
    later: list[Row[Any]]
    has_more_replies: bool
    before: dict[int, str] = field(default_factory=dict)  # ways to what is left out, before a comment's item
    after: dict[int, str] = field(default_factory=dict)  # and at its end

    @property
    def root(self) -> Row[Any]:
        """What the branch began with."""
        return self.above[0][0] if self.above else self.target

    def rows(self) -> list[Row[Any]]:
        """All of them in the order in which they are shown."""
        return [row for row, _ in self.branch()]

    def branch(self) -> list[tuple[Row[Any], int]]:
        """The same, each with the level it is shown at."""
        inside = self.level - self.target.depth
        return [
            *self.above,
            *((row, self.level) for row in self.earlier),
            (self.target, self.level),
            *((row, row.depth + inside) for row in self.replies),
            *((row, self.level) for row in self.later),
        ]


def context_of(session: Session, target: Row[Any], replies_shown: int) -> Context:
    """The context of a comment whose thread the reader may see: three statements, whatever the thread; four for a
    comment so deep that its path does not name all above it."""
    chain = _chain(session, target)
    if len(chain) > ANCESTORS_SHOWN + 1:
        chain = [chain[0], *chain[-ANCESTORS_SHOWN:]]
    left_out = target.depth - len(chain)
    earlier, later = _beside(session, target)
    has_earlier, has_later = len(earlier) > SIBLINGS_SHOWN, len(later) > SIBLINGS_SHOWN
    earlier, later = earlier[:SIBLINGS_SHOWN], later[:SIBLINGS_SHOWN]
    known = [*chain, *earlier, *later]
    rows = {row.id: row for row in queries_shown.comments_by_id(session, known) if row.shown} if known else {}
    above = [(rows[comment_id], min(at, 1)) for at, comment_id in enumerate(chain) if comment_id in rows]
    level = min(target.depth, TARGET_LEVEL)
    replies = branch_of(session, target, None, replies_shown + 1, levels=INDENT_LEVELS - level)
    context = Context(
        above=above,
        earlier=[rows[comment_id] for comment_id in reversed(earlier) if comment_id in rows],
        target=target,
        level=level,
        replies=replies[:replies_shown],
        later=[rows[comment_id] for comment_id in later if comment_id in rows],
        has_more_replies=len(replies) > replies_shown,
    )
    if left_out > 0 and len(above) > 1:
        first = above[1][0].id
        label = f"Show the {left_out:,} {'comment' if left_out == 1 else 'comments'} between"
        context.before[first] = _item(way_link(f"/comments/{first}", label))
    for row in (*context.earlier, *context.later):
        if row.reply_count:
            context.after[row.id] = way_link(f"/comments/{row.id}", f"Show {counted_replies(row.reply_count)}")
    if above and (has_earlier or has_later):
        _lead_to_siblings(context, above[-1][0], has_earlier, has_later)
    if context.has_more_replies:
        cursor = reply_cursor(context.replies[-1].path)
        context.after[target.id] = way_link(f"/comments/{target.id}?after={cursor}", "Show more replies")
    return context


def branch_of(session: Session, top: Row[Any], path_after: str | None, limit: int, *, levels: int) -> list[Row[Any]]:
    """So many replies below a comment behind this path, depth first, down to so many levels below it."""
    if not queries_branch.has_own_branch(top.depth):
        after_id = abs(int(path_after[-SEGMENT:], 36)) if path_after else 0
        return queries_branch.direct_replies(session, top.id, after_id, limit)
    start = path_after if path_after and path_after.startswith(top.path) else top.path
    return queries_branch.replies_after(
        session, top.root_id, start, limit, within=top.path, deepest=top.depth + levels
    )


def _chain(session: Session, target: Row[Any]) -> list[int]:
    """The ids of what led to a comment, from the root down; of a very deep one the root and the nearest."""
    chain = ancestors_in(target.path)
    if len(chain) == target.depth:
        return chain
    return [target.root_id, *queries_branch.nearest_above(session, target.id, ANCESTORS_SHOWN)]


def _beside(session: Session, target: Row[Any]) -> tuple[Sequence[int], Sequence[int]]:
    if target.parent_id is None:
        return (), ()
    return queries_branch.siblings(session, target.parent_id, target.id, SIBLINGS_SHOWN + 1)


def _lead_to_siblings(context: Context, parent: Row[Any], has_earlier: bool, has_later: bool) -> None:
    here = f"/comments/{parent.id}"
    first = (context.earlier or [context.target])[0]
    last = (context.later or [context.target])[-1]
    if has_earlier:
        context.before[first.id] = _item(way_link(here, "Earlier replies"))
    if has_later:
        cursor = reply_cursor(max(last.path, context.target.path))
        context.after[parent.id] = way_link(f"{here}?after={cursor}", "More replies")


def _item(link: str) -> str:
    return f'<li class="comments__gap">{link}</li>'
