"""Comments laid out as nested lists, in strings with slots: the part of a page that all readers share."""

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from markupsafe import escape
from sqlalchemy import Row

from blueprints.threads.ordering import INDENT_LEVELS
from blueprints.threads.pieces import Pieces
from core.records import dataclass

LIST_START, LIST_END = '<ol class="comments">', "</ol>"


@dataclass(frozen=True, slots=True)
class Slots:
    """Where in a laid-out page one comment differs from reader to reader: indexes of its strings."""

    new: int
    respect: int
    own: int
    under: int


@dataclass(slots=True)
class Layout:
    """Nested comments as strings to be joined; some are slots, filled by default for a visitor.

    A comment that does not stand in the list of the one it answers says whom that is, unless that one is `elsewhere` on
    the page it is made for. `notes` stand under the heading of a comment, `before` in front of its item.
    """

    elsewhere: frozenset[int] = frozenset()
    notes: dict[int, str] = field(default_factory=dict)
    before: dict[int, str] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    slots: dict[int, Slots] = field(default_factory=dict)
    pieces: dict[int, Pieces] = field(default_factory=dict)
    by_author: dict[int, list[int]] = field(default_factory=dict)
    arrivals: list[tuple[int, int]] = field(default_factory=list)  # numbers and ids, the latest published first
    _text: list[str] = field(default_factory=list)

    @property
    def weight(self) -> int:
        return sum(map(len, self.parts)) + 200 * len(self.slots)

    def add_branch(self, comments: Iterable[tuple[Pieces, int]], more: Mapping[int, str], held: int = 0) -> None:
        """Add comments in depth-first order, each with its depth on this page, and what follows inside a comment's
        item, such as a link to more replies, by the id of the comment. `held` is how many replies the first one has
        altogether, where the page does not have them all."""
        branch = list(comments)
        under = _counted(branch)
        opened: list[_Open] = []
        for at, (pieces, depth) in enumerate(branch):
            level = min(depth, INDENT_LEVELS, len(opened))
            while len(opened) > level:
                self._close(opened.pop(), more)
            if opened and not opened[-1].has_list:
                opened[-1].has_list = True
                self._text.append(f'<ol class="comments" id="replies-{opened[-1].id}">')
            self._open(pieces, self._is_named(pieces, depth, opened), max(under[at], 0 if at else held))
            opened.append(_Open(pieces.shown.id))
        while opened:
            self._close(opened.pop(), more)

    def finish(self) -> "Layout":
        """Call once, after the last branch."""
        self._flush()
        readable = (pieces for pieces in self.pieces.values() if not pieces.shown.is_tombstone)
        self.arrivals = sorted(((pieces.published_number, pieces.shown.id) for pieces in readable), reverse=True)
        return self

    def _is_named(self, pieces: Pieces, depth: int, opened: "list[_Open]") -> bool:
        parent_id = pieces.shown.parent_id
        if parent_id is None:
            return False
        above = opened[-1].id if opened else None
        return depth > INDENT_LEVELS or (parent_id != above and parent_id not in self.elsewhere)

    def _open(self, pieces: Pieces, named: bool, under: int) -> None:
        comment_id = pieces.shown.id
        head, time, title_end, body, between, fold, tail = pieces.cuts
        self._text += (self.before.get(comment_id, ""), "<li>", head)
        self._text += (pieces.answers if named else pieces.answers_unseen, time)
        new = self._slot("")
        self._text += (title_end, self.notes.get(comment_id, ""), body)
        respect = self._slot(pieces.respect)
        self._text.append(between)
        own = self._slot(pieces.others)
        self._text += (fold, fold_button(comment_id, under) if under else "", tail)
        self.pieces[comment_id] = pieces
        self.by_author.setdefault(pieces.author_id, []).append(comment_id)
        self.slots[comment_id] = Slots(new, respect, own, -1)

    def _close(self, opened: "_Open", more: Mapping[int, str]) -> None:
        if opened.has_list:
            self._text.append(LIST_END)
        known = self.slots[opened.id]
        self.slots[opened.id] = Slots(known.new, known.respect, known.own, self._slot(""))
        self._text += (more.get(opened.id, ""), "</li>\n")

    def _slot(self, default: str) -> int:
        self._flush()
        self.parts.append(default)
        return len(self.parts) - 1

    def _flush(self) -> None:
        if self._text:
            self.parts.append("".join(self._text))
            self._text = []


@dataclass(slots=True)
class _Open:
    id: int
    has_list: bool = False


def _counted(branch: list[tuple[Pieces, int]]) -> list[int]:
    """How many of these comments stand below each of them."""
    under = [0] * len(branch)
    above: list[int] = []
    for at, (_, depth) in enumerate(branch):
        del above[min(depth, INDENT_LEVELS) :]
        for each in above:
            under[each] += 1
        above.append(at)
    return under


def counted_replies(count: int) -> str:
    """1 reply, 2 replies"""
    return f"{count:,} {'reply' if count == 1 else 'replies'}"


def fold_button(comment_id: int, count: int) -> str:
    """Folds the replies to a comment away, with scripts. Both labels are there, and the style chooses."""
    return (
        f'<button class="act act--fold" type="button" aria-expanded="true" aria-controls="replies-{comment_id}"'
        f' data-fold="{comment_id}"><span class="act__fold">Hide {counted_replies(count)}</span>'
        f'<span class="act__unfold">Show {counted_replies(count)}</span></button>'
    )


def more_link(root_id: int, after: str, count: int | None) -> str:
    """The way to the replies that a page leaves out; None where nobody has counted them."""
    label = "Show more replies" if count is None else f"Show {count:,} more {'reply' if count == 1 else 'replies'}"
    return f'<a class="more-replies" href="/comments/{root_id}?after={escape(after)}" data-more>{label}</a>'


def way_link(href: str, label: str) -> str:
    """A way to a part of the discussion that stands on another page."""
    return f'<a class="more-replies" href="{escape(href)}">{escape(label)}</a>'


def continued(rows: Iterable[Row[Any]], made: Iterable[tuple[Pieces, int]]) -> dict[int, str]:
    """The ways on from those of these comments that have replies further in than a page goes."""
    both = zip(rows, made, strict=True)
    return {row.id: _continue_link(pieces) for row, (pieces, _) in both if getattr(row, "continues", False)}


def _continue_link(pieces: Pieces) -> str:
    shown = pieces.shown
    whose = f"under the comment of {shown.name}" if not shown.is_tombstone else "under this comment"
    return (
        f'<a class="more-replies" href="/comments/{shown.id}">Continue this thread'
        f'<span class="visually-hidden"> {escape(whose)}</span></a>'
    )
