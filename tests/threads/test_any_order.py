"""Whatever people and moderators do, in whatever order: counters are what a recount says, and pages hold together."""

import re

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blueprints.threads import queries_branch, queries_facts, queries_shown
from blueprints.threads.ordering import SORTS
from blueprints.threads.page import thread_fragment
from blueprints.threads.shared import page_of_branches
from core.db import db
from core.viewer import GUEST
from models.article import Article
from models.thread import COMMENT_STATUSES
from models.user import User
from tests.conftest import examples
from tests.threads.talk import change, drifts, facts, make_member, make_talk, respect, say

STEP = st.tuples(
    st.sampled_from(["post", "reply", "reply", "status", "status", "respect"]),
    st.integers(0, 1_000),
    st.sampled_from(COMMENT_STATUSES),
)


def take(article: Article, people: list[User], made: list[int], step: tuple[str, int, str]) -> None:
    what, number, status = step
    person = people[number % len(people)]
    if what == "post" or not made:
        made.append(say(article, person))
        return
    chosen = made[number % len(made)]
    known = queries_facts.comment_facts(db.session(), chosen)
    assert known is not None
    if what == "status":
        change(chosen, status)
    elif known.status == "published":
        if what == "reply":
            made.append(say(article, person, to=chosen))
        elif known.author_id != person.id:
            respect(chosen, person)


@given(st.lists(STEP, max_size=30))
@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counters_and_pages_hold_whatever_happens(app: Flask, steps: list[tuple[str, int, str]]) -> None:
    article, people = make_talk(), [make_member() for _ in range(3)]
    made: list[int] = []
    for step in steps:
        take(article, people, made, step)
    assert drifts(article) == []
    known = facts(article)
    readable = {row.id: row for row in queries_shown.comments_by_id(db.session(), made) if row.shown} if made else {}
    roots = sorted(row.id for row in readable.values() if row.parent_id is None)
    for sort in SORTS:
        seen: list[int] = []
        after = None
        for _ in range(len(roots) + 1):
            branches, after = page_of_branches(db.session(), known.thread_id, sort, after, 2)
            seen += [branch[0].id for branch in branches]
            if after is None:
                break
        assert sorted(seen) == roots, sort
        assert len(set(seen)) == len(seen)
    for root in roots:
        branch, path = [], readable[root].path
        while rows := queries_branch.replies_after(db.session(), root, path, 2):
            branch += [row.id for row in rows]
            path = rows[-1].path
        inside = [row for row in sorted(readable.values(), key=lambda row: row.path) if row.root_id == root][1:]
        assert branch == [row.id for row in inside]
        for deepest in (1, 2):
            cut = queries_branch.replies_after(db.session(), root, readable[root].path, 100, deepest=deepest)
            assert [row.id for row in cut] == [row.id for row in inside if row.depth <= deepest]
            answered = {row.parent_id for row in inside}
            assert [row.id for row in cut if row.continues] == [
                row.id for row in inside if row.depth == deepest and row.id in answered
            ]
    with app.test_request_context("/"):
        html = thread_fragment(known, GUEST).html
    shown = [int(found) for found in re.findall(r'<article class="comment[^"]*" id="comment-(\d+)"', html)]
    assert set(roots) <= set(shown) <= set(readable)
    assert html.count("<ol") == html.count("</ol>")
    assert html.count("<li") == html.count("</li>")
