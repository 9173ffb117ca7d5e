"""Live events: every visible change leaves one, numbered by the thread's version, and together they tell the thread."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from blueprints.threads import live, queries_facts, queries_shown, service, thread_state, watched
from blueprints.threads.counters import recount
from core import clock
from core.db import db, transaction
from core.errors import DomainError
from jobs.queue import HANDLERS
from models.article import Article
from models.live import LiveEvent
from models.thread import Thread
from models.user import User
from tests.browser import Browser
from tests.conftest import examples
from tests.factories import make_user, thread_of
from tests.threads.counting import statements
from tests.threads.talk import as_viewer, change, comment, drifts, facts, make_member, make_talk, respect, say
from tests.threads.test_together import EACH, at_once, many

ALL = 10_000
FETCH = {"X-Requested-With": "fetch"}


def events(article: Article, after: int = 0) -> list[tuple[str, int | None]]:
    rows = live.events_after(db.session(), thread_of(article).id, after, ALL)
    return [(row.kind, row.comment_id) for row in rows]


def edit(comment_id: int, user: User, words: str) -> None:
    viewer = as_viewer(user)
    with transaction() as session:
        service.edit_comment(session, viewer, comment_id, words)


def test_every_visible_change_is_told_once_under_the_threads_version(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    root = say(article, ann)
    reply = say(article, bob, to=root)
    respect(root, bob)
    respect(root, bob, wanted=True)  # was given already: nothing changes
    edit(root, ann, "Better words than before.")
    change(root, "rejected")
    change(root, "published")
    with transaction() as session:
        thread_state.set_thread_state(session, thread_of(article).id, "closed", reason="It is late.")
    assert events(article) == [
        ("comment", root), ("comment", reply), ("respect", root), ("edited", root), ("gone", root), ("comment", root),
        ("thread", None),
    ]  # fmt: skip
    last = live.events_after(db.session(), thread_of(article).id, 0, ALL)[-2]
    assert (last.parent_id, last.root_id, last.count, last.respects) == (None, root, 2, 1)
    assert thread_of(article).version == live.events_after(db.session(), thread_of(article).id, 0, ALL)[-1].number


def test_what_nobody_else_sees_is_not_told(app: Flask) -> None:
    article, ann = make_talk(thread_values={"premoderated": True}), make_member()
    held = say(article, ann)
    edit(held, ann, "Other words, and still nobody has read them.")
    change(held, "rejected")
    assert events(article) == []
    assert thread_of(article).last_comment_at is None
    change(held, "published")
    assert events(article) == [("comment", held)]
    assert thread_of(article).last_comment_at is not None


def test_an_event_costs_one_statement(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    root = say(article, ann)
    with statements() as sent:
        respect(root, bob)
    assert len([one for one in sent if "live_event" in one]) == 1


STEP = st.tuples(
    st.sampled_from(["post", "reply", "reply", "edit", "reject", "delete", "withhold", "undo", "respect", "respect"]),
    st.integers(0, 1_000),
)
STATUS = {"reject": "rejected", "delete": "deleted", "withhold": "withheld", "undo": "published"}


def take(article: Article, people: list[User], made: list[int], step: tuple[str, int]) -> None:
    what, number = step
    person = people[number % len(people)]
    if what == "post" or not made:
        made.append(say(article, person))
        return
    chosen = made[number % len(made)]
    known = comment(chosen)
    if what in STATUS:
        change(chosen, STATUS[what])
    elif what == "edit" and known.status != "rejected" and known.status != "deleted":
        edit(chosen, next(one for one in people if one.id == known.author_id), f"Words number {number} of {len(made)}.")
    elif known.status == "published" and what == "reply":
        made.append(say(article, person, to=chosen))
    elif known.status == "published" and what == "respect" and known.author_id != person.id:
        respect(chosen, person)


@given(st.lists(STEP, max_size=30))
@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_told_from_the_beginning_the_events_are_the_thread(app: Flask, steps: list[tuple[str, int]]) -> None:
    article, people = make_talk(), [make_member() for _ in range(3)]
    made: list[int] = []
    for step in steps:
        take(article, people, made, step)
    known, after = thread_of(article), 0
    parents: dict[int, int | None] = {}
    published: set[int] = set()
    respects: dict[int, int] = {}
    count = 0
    while rows := live.events_after(db.session(), known.id, after, 3):
        for row in rows:
            assert row.number > after
            after = row.number
            parents[row.comment_id], respects[row.comment_id], count = row.parent_id, row.respects, row.count
            if row.kind == "gone":
                published.discard(row.comment_id)
            else:
                published.add(row.comment_id)
    shown = set(published)
    for one in published:
        above = parents[one]
        while above is not None:
            shown.add(above)
            above = parents[above]
    rows = queries_shown.comments_by_id(db.session(), made) if made else []
    assert shown == {row.id for row in rows if row.shown}
    assert published == {row.id for row in rows if row.status == "published"}
    assert count == known.published_count == len(published)
    assert {one: respects[one] for one in shown} == {row.id: row.respect_count for row in rows if row.shown}
    assert after <= known.version
    assert drifts(article) == []


def test_writers_at_once_leave_strictly_rising_numbers_and_lose_none(app: Flask) -> None:
    article, people = make_talk(), [make_member() for _ in range(4)]
    root = say(article, people[0])

    def flip() -> None:
        change(root, "rejected")
        change(root, "published")

    def reply() -> None:
        try:
            say(article, people[1], to=root)
        except DomainError:
            say(article, people[1])  # it was removed just then

    before = thread_of(article).version
    assert at_once(app, [
        many(EACH, lambda: say(article, people[0])),
        many(EACH, reply),
        many(EACH, lambda: respect(say(article, people[2]), people[3])),
        many(EACH, flip),
    ]) == []  # fmt: skip
    rows = live.events_after(db.session(), thread_of(article).id, before, ALL)
    numbers = [row.number for row in rows]
    assert numbers == list(range(before + 1, thread_of(article).version + 1))
    assert len(numbers) == EACH * (1 + 1 + 2 + 2)
    count = 1
    for row in rows:
        count += {"comment": 1, "gone": -1}.get(row.kind, 0)
        assert row.count == count
    assert count == thread_of(article).published_count


def test_old_events_are_forgotten_and_a_page_older_than_that_is_told_so(app: Flask) -> None:
    article, quiet, ann = make_talk(), make_talk(), make_member()
    first, quiet_one = say(article, ann), say(quiet, ann)
    say(article, ann)
    clock.shift(timedelta(days=3))
    try:
        newest = say(article, ann)
        session, thread = db.session(), thread_of(article)
        HANDLERS["threads.forget-events"]()
        kept = sorted(session.scalars(select(LiveEvent.number).where(LiveEvent.thread_id == thread.id)))
        assert kept == [thread.version - 1, thread.version]
        known = [live.is_known_since(session, thread.id, number, clock.now()) for number in range(1, thread.version + 1)]
        assert known == [False, False, True, True]
        assert events(article, thread.version - 1) == [("comment", newest)]
        assert events(quiet) == [("comment", quiet_one)]
        assert live.is_known_since(session, thread_of(make_talk()).id, 1, clock.now())
    finally:
        clock.shift(timedelta())
    assert first


def test_a_repair_of_counters_is_told(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    say(article, ann)
    with transaction() as session:
        thread_row = queries_facts.locked_thread(session, facts(article).thread_id)
        assert thread_row is not None
        thread_row.published_count = 7
    with transaction() as session:
        recount(session, facts(article).thread_id, repair=True)
    assert events(article)[-1] == ("thread", None)


def changes(client: Browser, article: Article, after: int | str, **headers: str) -> TestResponse:
    return client.get(f"/articles/{article.slug}/changes?after={after}", headers=headers)


def some(client: Browser, article: Article, *ids: int) -> TestResponse:
    return client.get(f"/articles/{article.slug}/comments/some?ids={','.join(map(str, ids))}")


def shown_in(answer: TestResponse) -> list[int]:
    return [int(found) for found in re.findall(r'<article [^>]*id="comment-(\d+)"', answer.get_data(as_text=True))]


def test_an_open_page_is_told_what_came_behind_its_version_and_nothing_twice(client: Browser) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    root = say(article, ann)
    version = thread_of(article).version
    reply = say(article, bob, to=root)
    told = changes(client, article, version).get_json()
    assert told == [
        {"n": version + 1, "kind": "comment", "comment": reply, "parent": root, "root": root, "count": 2, "respects": 0}
    ]
    assert changes(client, article, version + 1).get_json() == []


def test_while_nothing_happens_it_is_not_modified_and_costs_two_statements(client: Browser) -> None:
    article, ann = make_talk(), make_member()
    say(article, ann)
    version = thread_of(article).version
    first = changes(client, article, version)
    client.sign_in(ann)
    assert article.slug, "read before anything is counted"
    with statements() as sent:
        again = changes(client, article, version, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data, len(sent)) == (304, b"", 2), sent
    say(article, make_member())
    assert changes(client, article, 2, **{"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_a_page_that_is_too_old_is_told_to_load_again(client: Browser) -> None:
    article, ann = make_talk(), make_member()
    say(article, ann)
    say(article, ann)
    with transaction() as session:
        session.execute(update(LiveEvent).values(created_at=clock.now() - timedelta(days=3)))
    HANDLERS["threads.forget-events"]()
    assert [event["kind"] for event in changes(client, article, 1).get_json()] == ["reload"]
    assert changes(client, article, thread_of(article).version).get_json() == []


def test_a_thread_that_ends_says_so_once_and_then_sends_pages_home(client: Browser) -> None:
    article = make_talk()
    before = thread_of(article).version
    with transaction() as session:
        thread_state.set_thread_state(session, thread_of(article).id, "closed", reason="It is late.")
    assert [event["kind"] for event in changes(client, article, before).get_json()] == ["thread"]
    assert changes(client, article, before + 1).status_code == 204
    assert "It is late." in client.get(f"/articles/{article.slug}/composer", headers=FETCH).get_data(as_text=True)


def test_a_page_that_asks_is_told_how_many_are_reading(client: Browser) -> None:
    article = make_talk()
    thread_id, now = thread_of(article).id, clock.now()
    assert changes(client, article, 0).headers["X-Readers-Now"] == "0"
    for process, readers in (("one", 3), ("two", 4)):
        with transaction() as session:
            watched.say_readers(session, process, {thread_id: readers}, now)
    assert changes(client, article, 0).headers["X-Readers-Now"] == "7"


def test_a_thread_nobody_spoke_in_for_a_week_is_not_followed(client: Browser) -> None:
    article, ann = make_talk(), make_member()
    say(article, ann)
    assert changes(client, article, 2).status_code == 200
    with transaction() as session:
        session.execute(update(Thread).values(last_comment_at=clock.now() - timedelta(days=8)))
    assert changes(client, article, 2).status_code == 204


def test_a_hidden_thread_is_told_of_to_its_moderators_only(app: Flask, client: Browser) -> None:
    article, ann = make_talk(thread_values={"state": "hidden"}), make_member()
    hidden, moderator = client, Browser(app).sign_in(make_user(roles=("moderator",)))
    hidden.sign_in(ann)
    for path in ("changes?after=0", "comments/some?ids=1", "composer"):
        assert hidden.get(f"/articles/{article.slug}/{path}", headers=FETCH).status_code == 404, path
        assert moderator.get(f"/articles/{article.slug}/{path}", headers=FETCH).status_code in {200, 204}, path


@pytest.mark.parametrize("path", [
    "changes", "changes?after=", "changes?after=-1", "changes?after=1e3", f"changes?after={2**63}",
    "comments/some", "comments/some?ids=a", "comments/some?ids=1,,2", "comments/some?ids=" + ",".join(["1"] * 51),
])  # fmt: skip
def test_a_damaged_question_gets_a_sentence(client: Browser, path: str) -> None:
    article = make_talk()
    answer = client.get(f"/articles/{article.slug}/{path}", headers=FETCH)
    assert (answer.status_code, answer.get_data(as_text=True)[:10]) == (400, "Please say")


def test_new_comments_are_fetched_as_the_readers_own_page_would_show_them(app: Flask, client: Browser) -> None:
    article, other, ann, bob = make_talk(), make_talk(), make_member(), make_member()
    root, held = say(article, ann), say(article, ann)
    reply, elsewhere = say(article, bob, to=root), say(other, bob)
    change(held, "withheld")
    respect(root, bob)
    visitor = some(client, article, root, held, reply, elsewhere, 99_999)
    assert shown_in(visitor) == [root, reply]
    assert 'aria-pressed="true"' not in visitor.get_data(as_text=True)
    of_bob = some(Browser(app).sign_in(bob), article, root, held, reply, elsewhere).get_data(as_text=True)
    assert of_bob.count('aria-pressed="true"') == 1
    assert f"/comments/{reply}/edit" in of_bob
    of_ann = some(Browser(app).sign_in(ann), article, root, held, reply)
    assert shown_in(of_ann) == [root, reply, held]
    assert "Only you can see this" in of_ann.get_data(as_text=True)
    change(root, "rejected")
    assert f'is-gone" id="comment-{root}"' in some(client, article, root).get_data(as_text=True)
    change(reply, "deleted")
    assert shown_in(some(client, article, root, reply)) == []


def test_fifty_comments_cost_a_fixed_number_of_statements(client: Browser) -> None:
    article, ann = make_talk(), make_member()
    few = [say(article, ann) for _ in range(2)]
    client.sign_in(ann)
    some(client, article, *few)
    with statements() as sent:
        some(client, article, *few)
    many_more = [say(article, ann) for _ in range(10)]
    with statements() as sent_again:
        assert len(shown_in(some(client, article, *few, *many_more))) == 12
    assert len(sent_again) == len(sent) <= 6
