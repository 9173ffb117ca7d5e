"""Comments as HTML in pieces: made once per version of a comment, put together for every page and reader.

A comment is the same for everybody but in some places: whom it answers (seen or only heard), whether it is new to the
reader, a note on its state, the respect button, the actions of its author, and the button that folds its replies. The
template marks these places, the rendered text is cut there, and a page fills them in.
"""

from datetime import datetime
from typing import Any, Protocol

from flask import current_app
from markupsafe import Markup
from sqlalchemy import Row

from blueprints.threads import policy
from blueprints.threads.facts import reader_path
from blueprints.threads.memory import Memory
from core.records import dataclass

SLOT = Markup("\x00")  # a character that no stored text contains: `core.text` and the names' rules remove it
KEPT_CHARACTERS = 48_000_000

_EXTENSION = "rejoinder_comment_pieces"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a comment's template reads."""

    id: int
    parent_id: int | None
    status: str
    is_tombstone: bool
    name: str
    is_named: bool  # others are told who wrote it
    page_url: str  # of the author's own page, if others may see it
    author_badge: str
    guest_line: str  # who a guest is
    is_answer: bool
    plan_badge: str
    plan_rank: int
    is_picked: bool
    body: Markup
    respect_count: int
    created_at: datetime
    edited_at: datetime | None
    parent_name: str
    rule_title: str


@dataclass(frozen=True, slots=True)
class Pieces:
    """A comment cut at its slots, with what usually goes into them."""

    shown: Shown
    author_id: int
    published_number: int
    cuts: tuple[str, ...]  # before whom it answers, new, note, respect, own, fold, and the rest
    answers: str
    answers_unseen: str
    respect: str
    respected: str
    others: str

    def html(self, *, note: str = "", respect: str | None = None, own: str | None = None) -> str:
        """The whole comment by itself, saying whom it answers, with these things in its slots."""
        head, time, title_end, body, between, fold, tail = self.cuts
        return "".join(
            (head, self.answers, time, title_end, note, body, self.respect if respect is None else respect, between,
             self.others if own is None else own, fold, tail)
        )  # fmt: skip


class _Macros(Protocol):
    def comment(self, c: Shown, slot: Markup, target: bool = False) -> str: ...
    def answers(self, c: Shown) -> str: ...
    def answers_unseen(self, c: Shown) -> str: ...
    def mark_new(self) -> str: ...
    def respect(self, c: Shown, pressed: bool) -> str: ...
    def report(self, c: Shown) -> str: ...
    def moderate(self, c: Shown) -> str: ...
    def pick(self, c: Shown) -> str: ...
    def pick_note(self, note: str) -> str: ...
    def own_respect(self, c: Shown) -> str: ...
    def own_actions(self, c: Shown, edit_until: datetime | None) -> str: ...
    def own_removed(self, c: Shown) -> str: ...
    def own_note(self, c: Shown, reason: str) -> str: ...
    def staff_note(self, c: Shown, reason: str) -> str: ...


def macros() -> _Macros:
    """The template's parts as functions."""
    module: Any = current_app.jinja_env.get_template("threads/_comment.html").module
    return module  # type: ignore[no-any-return]


def pieces_of(row: Row[Any], plan: tuple[str, int] | None, *, target: bool = False, full: bool = False) -> Pieces:
    """The pieces of a comment row. `full` shows the text of one that is not published, to those who may see it."""
    plan = plan if row.is_named else None
    full = full and row.status != "published"  # what everybody may read is the same for its author
    memory: Memory[Pieces] = current_app.extensions.setdefault(_EXTENSION, Memory(KEPT_CHARACTERS))
    key = (row.id, row.row_version, row.status, row.name, row.is_named, row.page_is_open, row.parent_name,
           row.rule_title, row.guest_line, plan, target, full, row.created_at)  # fmt: skip
    found = memory.get(key)
    if found is None:
        found = _make(row, plan, target, full)
        memory.put(key, found, sum(map(len, found.cuts)) + len(found.respect) * 2 + len(found.others) + 500)
    return found


def shown_of(row: Row[Any], plan: tuple[str, int] | None, *, full: bool = False) -> Shown:
    """What may be told of a comment row; as in `pieces_of`, which makes HTML of it."""
    plan = plan if row.is_named else None
    tombstone = row.status != "published" and not full
    return Shown(
        id=row.id,
        parent_id=row.parent_id,
        status=row.status,
        is_tombstone=tombstone,
        name=row.name.replace(SLOT, ""),
        is_named=row.is_named,
        page_url=reader_path(row.author_id, row.name) if row.page_is_open and row.is_named else "",
        author_badge=row.author_badge if row.is_named else "",
        guest_line=row.guest_line or "" if row.is_named else "",
        is_answer=row.is_answer,
        plan_badge=plan[0] if plan else "",
        plan_rank=plan[1] if plan else 0,
        is_picked=row.picked_at is not None,
        body=Markup("" if tombstone else row.body_html.replace(SLOT, "")),  # noqa: S704 - cleaned when it was written
        respect_count=row.respect_count,
        created_at=row.created_at,
        edited_at=row.edited_at,
        parent_name=row.parent_name or "",
        rule_title=row.rule_title or "",
    )


def _make(row: Row[Any], plan: tuple[str, int] | None, target: bool, full: bool) -> Pieces:
    shown, make = shown_of(row, plan, full=full), macros()
    readable = row.status == "published"
    return Pieces(
        shown=shown,
        author_id=row.author_id,
        published_number=row.published_number,
        cuts=tuple(str(make.comment(shown, SLOT, target)).split(SLOT)),
        answers=str(make.answers(shown)) if row.parent_id else "",
        answers_unseen=str(make.answers_unseen(shown)) if row.parent_id else "",
        respect=str(make.respect(shown, False)) if readable else "",
        respected=str(make.respect(shown, True)) if readable else "",
        others=str(make.report(shown)) if readable else "",
    )


def own_slots(pieces: Pieces, now: datetime, *, may_edit: bool = True) -> tuple[str, str]:
    """What the author sees in place of the respect button and the report link."""
    make = macros()
    until = policy.edit_ends_at(pieces.shown.created_at)
    editable = may_edit and now < until and pieces.shown.status in {"published", "pending", "withheld"}
    return str(make.own_respect(pieces.shown)), str(make.own_actions(pieces.shown, until if editable else None))


def for_author(row: Row[Any], plan: tuple[str, int] | None, reason: str, now: datetime, *, target: bool = False) -> str:
    """One's own comment: a published one with its actions, any other with its text and a note on its state."""
    pieces = pieces_of(row, plan, target=target, full=True)
    respect, own = own_slots(pieces, now)
    note = "" if row.status == "published" else str(macros().own_note(pieces.shown, reason))
    return pieces.html(note=note, respect=respect, own=own)
