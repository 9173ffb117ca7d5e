"""The order of comments, and cursors into it. Pure.

A cursor names the last thing a page showed and the key it stood at, so the next page begins right behind that place,
whatever was added, removed or moved before. What that promises to a reader who goes on from page to page:

- by time ("newest", "oldest") keys never change: every root that can be read all the while is seen once;
- by "best" and "discussed" a root is seen once if its own key stays; whatever others do. One that moves up past the
  place the reader has reached is not met further on, one that falls below it is met again.

Cursors come from the browser, so a damaged one means the first page.
"""

import base64
import binascii
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from core.records import dataclass

Sort = Literal["best", "newest", "oldest", "discussed"]
SORTS: tuple[Sort, ...] = ("best", "newest", "oldest", "discussed")
SORT_LABELS: dict[Sort, str] = {"best": "Best", "newest": "Newest", "oldest": "Oldest", "discussed": "Most discussed"}
DEFAULT_SORT: Sort = "best"
PICKS: Literal["picks"] = "picks"  # no order of everything: what the newsroom picked, the newest Pick first
# Where readers ask: what has been answered, the newest answer first, and what has not, by the respect for it.
Questions = Literal["answered", "unanswered"]
ANSWERED: Questions = "answered"
UNANSWERED: Questions = "unanswered"
QUESTIONS: tuple[Questions, ...] = (ANSWERED, UNANSWERED)
Order = Sort | Questions
View = Order | Literal["picks"]

ROOTS_PER_PAGE = 50
FIRST_REPLIES = 3
REPLIES_PER_PAGE = 50
INDENT_LEVELS = 3

SEGMENT = 7  # base-36 digits of an id in a path: room for 78 thousand million comments
MAX_PATH_DEPTH = 50  # a path names so many ancestors; deeper replies stand in the order of their time
MAX_ID = 2**31 - 1

CONFIDENCE = 1.96  # 95 per cent

_FIRST_MOMENT, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_FIRST = "-"  # before every digit; with it an id has one digit less, which is still room for MAX_ID
_PATH = re.compile(rf"(?:[-0-9a-z][0-9a-z]{{{SEGMENT - 1}}}){{1,{MAX_PATH_DEPTH + 2}}}")


@dataclass(frozen=True, slots=True)
class RootCursor:
    """The last root of a page: its id, and what the order goes by before that, as a number.

    That is the score, the count of replies or of respects, or the microsecond of the first answer.
    """

    id: int
    key: float = 0


def sort_named(*names: str | None) -> Sort:
    """The first of these that is a sort, or the default."""
    return next((name for name in names if name in SORTS), DEFAULT_SORT)


def sorts_by_id(sort: Order) -> bool:
    """Whether nothing but the time of posting decides, so that the order never changes."""
    return sort in {"newest", "oldest"}


def score(respects: int, reports: int) -> float:
    """The lower bound of the Wilson interval for the share of respects among respects and open reports.

    It rises with agreement and with the number of people who agree; without either it is 0.
    """
    total = respects + reports
    if not total:
        return 0.0
    share = respects / total
    square = CONFIDENCE * CONFIDENCE
    middle = share + square / (2 * total)
    spread = CONFIDENCE * math.sqrt((share * (1 - share) + square / (4 * total)) / total)
    return max(0.0, round((middle - spread) / (1 + square / total), 12))


def segment(comment_id: int) -> str:
    """The id as a fixed number of base-36 digits, so that text order is number order."""
    digits = ""
    while comment_id:
        comment_id, digit = divmod(comment_id, 36)
        digits = _DIGITS[digit] + digits
    return digits.rjust(SEGMENT, "0")


def path_of(comment_id: int, parent_path: str, depth: int, *, first: bool = False) -> str:
    """Where a comment stands in its branch, depth first. `depth` is its own.

    `first` puts it before those that answer the same comment without it: a guest's answer stands under the question.
    """
    own = segment(comment_id)
    return parent_path[: SEGMENT * min(depth, MAX_PATH_DEPTH)] + (_FIRST + own[1:] if first else own)


def ancestors_in(path: str) -> list[int]:
    """The ids of the ancestors a path names, from the root down: all of them up to MAX_PATH_DEPTH."""
    return _ids_in(path)[:-1]


def _ids_in(path: str) -> list[int]:
    return [abs(int(path[at : at + SEGMENT], 36)) for at in range(0, len(path), SEGMENT)]


def moment_of(key: float) -> datetime:
    """The moment that a cursor's key names."""
    return _FIRST_MOMENT + int(key) * _MICROSECOND


def cursor_at(sort: Order, root: Any) -> RootCursor:
    """The place of a root in this order; it has the columns that orders go by."""
    if sort == ANSWERED:
        return RootCursor(root.id, (root.answered_at - _FIRST_MOMENT) // _MICROSECOND)
    keys = {"best": "score", "discussed": "branch_count", UNANSWERED: "respect_count"}
    return RootCursor(root.id, getattr(root, keys[sort]) if sort in keys else 0)


def standing(sort: Order, root: Any) -> tuple[float, int]:
    """What roots are compared by: of two, the one with the smaller value is shown first."""
    at = cursor_at(sort, root)
    return (at.key, at.id) if sort == "oldest" else (-at.key, -at.id)


def root_cursor(sort: Order, at: RootCursor) -> str:
    """The cursor behind this root, as text."""
    return _encode(f"{sort[0]}.{at.id}" if sorts_by_id(sort) else f"{sort[0]}.{at.id}.{at.key!r}")


def read_root_cursor(sort: Order, cursor: str | None) -> RootCursor | None:
    """The root a cursor names; None for the first page, and for a cursor that is damaged or of another sort."""
    kind, *parts = _decode(cursor).split(".", 2)
    if kind != sort[0] or not parts or (comment_id := _whole(parts[0])) is None or comment_id == 0:
        return None
    if sorts_by_id(sort) != (len(parts) == 1):
        return None
    if sort in {"discussed", UNANSWERED}:
        number = _whole(parts[1])
        return None if number is None else RootCursor(comment_id, number)
    if sort == ANSWERED:
        return RootCursor(comment_id, int(parts[1])) if _is_since(parts[1]) else None
    if sort != "best":
        return RootCursor(comment_id)
    try:
        value = float(parts[1])
    except ValueError:
        return None
    return RootCursor(comment_id, value) if 0 <= value <= 1 else None


@dataclass(frozen=True, slots=True)
class PickCursor:
    """The last Pick of a page: when it was made, and of which comment."""

    picked_at: datetime
    id: int


def pick_cursor(picked_at: datetime, comment_id: int) -> str:
    """The cursor behind this Pick."""
    return _encode(f"p.{(picked_at - _FIRST_MOMENT) // _MICROSECOND}.{comment_id}")


def read_pick_cursor(cursor: str | None) -> PickCursor | None:
    """The Pick a cursor names, or None."""
    kind, *parts = _decode(cursor).split(".")
    if kind != "p" or len(parts) != 2 or (comment_id := _whole(parts[1])) is None:
        return None
    return PickCursor(moment_of(int(parts[0])), comment_id) if _is_since(parts[0]) else None


def reply_cursor(path: str) -> str:
    """The cursor behind this reply in its branch."""
    return _encode(f"r.{path}")


def read_reply_cursor(cursor: str | None) -> str | None:
    """The path a cursor names, or None."""
    kind, _, path = _decode(cursor).partition(".")
    return path if kind == "r" and _PATH.fullmatch(path) and max(_ids_in(path)) <= MAX_ID else None


def _is_since(text: str) -> bool:
    """Whether a text is a number of microseconds that still gives a date."""
    return text.isascii() and text.isdecimal() and len(text) <= 17


def _whole(text: str) -> int | None:
    """A number that both databases take for a whole one, or None."""
    if not text.isascii() or not text.isdecimal() or len(text) > 10:
        return None
    return int(text) if int(text) <= MAX_ID else None


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str | None) -> str:
    if not cursor or len(cursor) > 1000 or not cursor.isascii():
        return ""
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
