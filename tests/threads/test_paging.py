"""Somebody reads a discussion page by page while others post, answer, respect and moderate."""

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from blueprints.threads.ordering import SORTS, Sort, read_root_cursor, root_cursor, standing
from blueprints.threads.shared import page_of_branches
from core.db import db
from models.article import Article
from models.thread import Comment
from models.user import User
from tests.conftest import examples
from tests.threads.talk import facts, make_member, make_talk, respect, say
from tests.threads.test_any_order import STEP, take

STEPS = st.lists(STEP, max_size=6)


def places(article: Article, sort: Sort) -> dict[int, tuple[float, int]]:
    """Where each root stands that can be read now."""
    thread_id = facts(article).thread_id
    rows = db.session().execute(
        select(Comment.id, Comment.score, Comment.branch_count).where(
            Comment.thread_id == thread_id, Comment.parent_id.is_(None), Comment.shown
        )
    )
    return {row.id: standing(sort, row) for row in rows}


def read_through(article: Article, people: list[User], sort: Sort, meanwhile: list[list[tuple[str, int, str]]]) -> None:
    made = list(db.session().scalars(select(Comment.id).where(Comment.thread_id == facts(article).thread_id)))
    stayed = places(article, sort)  # where those stand that have not moved or vanished since the beginning
    unmoved: dict[int, tuple[float, int]] = {}  # and those that have not since they were shown
    seen: list[int] = []
    cursor = None
    for steps in [*meanwhile, *[[] for _ in range(30)]]:
        branches, behind = page_of_branches(db.session(), facts(article).thread_id, sort, cursor, 2)
        shown = {branch[0].id: standing(sort, branch[0]) for branch in branches}
        assert shown.keys() & unmoved.keys() == set()
        unmoved |= shown
        seen += shown
        if behind is None:
            break
        cursor = read_root_cursor(sort, root_cursor(sort, behind))
        for step in steps:
            take(article, people, made, step)
            now = places(article, sort)
            stayed = {root: place for root, place in stayed.items() if now.get(root) == place}
            unmoved = {root: place for root, place in unmoved.items() if now.get(root) == place}
    else:
        pytest.fail("the pages do not end")
    assert [root for root in stayed if seen.count(root) != 1] == []
    if sort in {"newest", "oldest"}:
        assert len(seen) == len(set(seen))


@given(st.lists(STEP, min_size=4, max_size=20), st.lists(STEPS, max_size=4))
@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_keeps_its_place_is_skipped_or_met_twice(
    app: Flask, before: list[tuple[str, int, str]], meanwhile: list[list[tuple[str, int, str]]]
) -> None:
    article, people = make_talk(), [make_member() for _ in range(3)]
    made: list[int] = []
    for step in before:
        take(article, people, made, step)
    for sort in SORTS:
        read_through(article, people, sort, meanwhile)


def test_one_that_rises_past_the_reader_is_not_waited_for_and_the_rest_is(app: Flask) -> None:
    """What is promised of orders whose keys move, in its smallest case."""
    article, ann, bob = make_talk(), make_member(), make_member()
    roots = [say(article, ann) for _ in range(5)]
    thread_id = facts(article).thread_id
    first, cursor = page_of_branches(db.session(), thread_id, "best", None, 2)
    assert [branch[0].id for branch in first] == [roots[4], roots[3]]
    respect(roots[0], bob)
    rest, behind = page_of_branches(db.session(), thread_id, "best", cursor, 3)
    assert [branch[0].id for branch in rest] == [roots[2], roots[1]]
    assert behind is None
