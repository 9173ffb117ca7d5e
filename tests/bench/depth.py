"""What a page of a thread costs that has to be made, at any depth and in any order.

Kept pages cost the same wherever they stand. So the thread is changed by a respect before each page that is asked for,
and the process that answers has to make it anew.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import func, select

from blueprints.threads.ordering import ROOTS_PER_PAGE, SORTS, Sort, cursor_at, root_cursor
from core.db import db
from models.thread import Comment
from tests.bench.load import connected
from tests.bench.members import Member
from tests.bench.writing import SCRIPT, others_comments, thread_of

ORDERS = {
    "best": (Comment.score.desc(), Comment.id.desc()), "newest": (Comment.id.desc(),), "oldest": (Comment.id,),
    "discussed": (Comment.branch_count.desc(), Comment.id.desc()),
}  # fmt: skip


@dataclass(frozen=True)
class Depth:
    """One page, made anew: the milliseconds to the whole answer, the middle of many."""

    sort: str
    page: int
    milliseconds: float


def depths(
    app: Flask, port: int, member: Member, slug: str, pages: Sequence[int], rounds: int, say: Callable[[str], None]
) -> list[Depth]:
    """Each page in each order; one after the other in turns, so that what else the machine does meets all of them."""
    with app.app_context():
        thread_id = thread_of(slug)
        roots = db.session.scalar(
            select(func.count()).where(Comment.thread_id == thread_id, Comment.parent_id.is_(None), Comment.shown)
        ) or 0  # fmt: skip
        last = max(1, roots // ROOTS_PER_PAGE)
        wanted = [(sort, page) for sort in SORTS for page in sorted({min(page, last) for page in pages})]
        paths = {(sort, page): _path(slug, thread_id, sort, page) for sort, page in wanted}
        pressed = others_comments(thread_id, [member.email], 1)[0]
        db.session.rollback()
    found: dict[tuple[Sort, int], list[float]] = {place: [] for place in wanted}
    press = urlencode({"csrf_token": member.token})
    form = member.headers | SCRIPT | {"Content-Type": "application/x-www-form-urlencoded"}
    with connected(port) as line:
        for number in range(rounds + 1):
            say(f"pages at depth, round {number} of {rounds}")
            for place in wanted:
                _ask(line, "POST", f"/comments/{pressed}/respect", form, press)
                took = _ask(line, "GET", paths[place], member.headers)
                if number:  # the first time, pieces are made that are kept
                    found[place].append(took)
    return [Depth(sort, page, statistics.median(times)) for (sort, page), times in found.items()]


def _path(slug: str, thread_id: int, sort: Sort, page: int) -> str:
    path = f"/articles/{slug}?sort={sort}"
    if page == 1:
        return path
    before = db.session.execute(
        select(Comment.id, Comment.score, Comment.branch_count)
        .where(Comment.thread_id == thread_id, Comment.parent_id.is_(None), Comment.shown)
        .order_by(*ORDERS[sort]).offset((page - 1) * ROOTS_PER_PAGE - 1).limit(1)
    ).one()  # fmt: skip
    return f"{path}&after={root_cursor(sort, cursor_at(sort, before))}"


def _ask(line: HTTPConnection, method: str, path: str, headers: dict[str, str], body: str | None = None) -> float:
    began = time.perf_counter()
    line.request(method, path, body, headers)
    answer = line.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    return (time.perf_counter() - began) * 1000
