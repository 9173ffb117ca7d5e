"""Whom a comment concerns, who hears of it, and what becomes of that."""

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from blueprints.following import jobs, telling
from blueprints.newsroom import service as newsroom
from blueprints.notifications import notices
from blueprints.threads import queries_facts
from blueprints.threads.thread_state import set_thread_state
from core import clock
from core.db import db, transaction
from jobs.worker import run_all
from models.notice import Mute, Notice, NoticeCause, NoticeSetting
from models.thread import Comment, Mention
from models.user import User
from tests.conftest import examples
from tests.factories import fresh, make_article, make_site, make_user, viewer_of
from tests.following.people import bell, follow, follow_branch, follow_person, miscounted, mute, told, unmute
from tests.threads.talk import change, make_member, make_talk, say
from tests.threads.test_together import at_once

pytestmark = pytest.mark.usefixtures("app")


def test_a_reply_is_told_to_whom_it_answers_and_to_nobody_else() -> None:
    article, ann, bob, cyd = make_talk(), make_member(), make_member(), make_member()
    root = say(article, ann)
    say(article, bob, to=root)
    say(article, cyd)
    assert told(ann) == [("reply", 1)]
    assert told(bob) == told(cyd) == []
    assert bell(ann) == "1"
    say(article, cyd, to=root)
    say(article, ann, to=root)
    assert told(ann) == [("reply", 2)]
    assert bell(ann) == "1"


def test_each_is_told_once_of_a_comment_by_the_strongest_reason() -> None:
    article, ann, bob, cyd, dan, eve = make_talk(), *(make_member() for _ in range(5))
    root = say(article, ann)
    for person in (ann, cyd, dan, eve):
        follow(person, article)
    follow_branch(cyd, article, root)
    reply = say(article, bob, to=root)
    with transaction() as session:
        session.add(Mention(comment_id=reply, user_id=dan.id, name=dan.display_name))
    assert told(ann) == [("reply", 1)]
    assert told(cyd) == [("follow", 1)]
    assert told(dan) == [("mention", 1)]
    assert told(eve) == [("follow", 1)]
    assert told(bob) == []
    key = db.session().scalar(select(Notice.subject_key).where(Notice.user_id == cyd.id))
    assert key == f"branch:{root}"


def test_what_the_newsroom_answers_is_told_to_who_took_part_and_to_who_follows_it() -> None:
    author = make_user(roles=("author",))
    article, ann, bob, cyd = make_talk(author_id=author.id), make_member(), make_member(), make_member()
    say(article, ann)
    follow_person(bob, author)
    assert told(ann) == []
    say(article, author)
    assert told(ann) == [("staff_answer", 1)]
    assert told(bob) == [("follow", 1)]
    assert told(cyd) == []


def test_of_a_reader_who_shows_nothing_followers_hear_nothing() -> None:
    article, ann, open_reader = make_talk(), make_member(), make_member(page_is_open=True)
    follow_person(ann, open_reader)
    say(article, open_reader)
    assert told(ann) == [("follow", 1)]
    with transaction() as session:
        session.get_one(User, open_reader.id).page_is_open = False
    say(article, open_reader)
    assert told(ann) == [("follow", 1)]


def test_whoever_chose_so_follows_every_discussion_they_take_part_in() -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    with transaction() as session:
        session.add(NoticeSetting(user_id=ann.id, follow_own_threads=True))
    say(article, ann)
    run_all()
    say(article, bob)
    assert told(ann) == [("follow", 1)]


def test_the_muted_are_not_heard_of_and_what_they_had_caused_goes() -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    root = say(article, ann)
    follow(ann, article)
    say(article, bob, to=root)
    assert told(ann) == [("reply", 1)]
    mute(ann, bob)
    assert told(ann) == []
    say(article, bob, to=root)
    say(article, bob)
    assert told(ann) == []
    unmute(ann, bob)
    say(article, bob, to=root)
    assert told(ann) == [("reply", 1)]
    assert miscounted() == []


def test_what_can_no_longer_be_read_is_not_told_and_what_was_told_is_withdrawn() -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    root = say(article, ann)
    early = say(article, bob, to=root)
    change(early, "rejected")
    assert told(ann) == []
    late = say(article, bob, to=root)
    assert told(ann) == [("reply", 1)]
    change(late, "rejected")
    assert told(ann) == []
    assert db.session().scalar(select(NoticeCause.excerpt).where(NoticeCause.user_id == ann.id)) == ""
    change(late, "published")
    assert told(ann) == [("reply", 1)]
    words = db.session().scalar(select(NoticeCause.excerpt).where(NoticeCause.user_id == ann.id))
    assert words
    assert miscounted() == []


def test_a_hidden_discussion_is_told_to_nobody_until_it_is_shown_again() -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    root = say(article, ann)
    say(article, bob, to=root)
    assert told(ann) == [("reply", 1)]
    thread_id = db.session().scalar(select(Comment.thread_id).where(Comment.id == root)) or 0
    for state, expected in (("hidden", []), ("open", [("reply", 1)])):
        with transaction() as session:
            set_thread_state(session, thread_id, state)
        assert told(ann) == expected


def test_a_worker_killed_in_the_middle_tells_everybody_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "AT_ONCE", 2)
    article, author = make_talk(), make_member()
    followers = [make_member() for _ in range(5)]
    for person in followers:
        follow(person, article)
    say(article, author)
    real, calls = telling.tell, list[int]()

    def dies(*arguments: object) -> None:
        calls.append(1)
        if len(calls) == 4:
            raise SystemExit
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(telling, "tell", dies)
    with pytest.raises(SystemExit):
        run_all()
    monkeypatch.setattr(telling, "tell", real)
    db.session.rollback()
    assert db.session().scalar(select(func.count()).select_from(NoticeCause)) == 2
    clock.shift(jobs_lease())
    try:
        assert [told(person) for person in followers] == [[("follow", 1)]] * 5
    finally:
        clock.shift(jobs_lease() * 0)
    assert miscounted() == []


def jobs_lease():  # type: ignore[no-untyped-def]
    from jobs.queue import LEASE

    return LEASE * 2


def test_muting_telling_and_reading_at_once_leave_nothing_wrong(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    root = say(article, ann)
    replies = [say(article, bob, to=root) for _ in range(4)]
    failed = at_once(app, [
        *[lambda reply=reply: jobs.tell(reply) for reply in replies for _ in range(2)],
        lambda: mute(ann, bob),
    ])  # fmt: skip
    assert failed == []
    assert db.session().scalar(select(func.count()).select_from(Mute)) == 1
    assert db.session().scalar(select(func.count()).where(NoticeCause.user_id == ann.id)) == 0
    assert miscounted() == []


def test_reading_and_telling_at_once_lose_no_notice(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    root = say(article, ann)
    replies = [say(article, bob, to=root) for _ in range(6)]

    def read() -> None:
        with transaction() as session:
            notices.mark_all_read(session, ann.id, clock.now())

    failed = at_once(app, [*[lambda reply=reply: jobs.tell(reply) for reply in replies], read, read])
    assert failed == []
    total = db.session().scalar(select(func.sum(Notice.count)).where(Notice.user_id == ann.id))
    assert total == len(replies)
    assert miscounted() == []


STEP = st.tuples(
    st.sampled_from(["post", "reply", "reply", "reject", "restore", "mute", "unmute", "follow", "read", "run"]),
    st.integers(0, 1_000), st.integers(0, 1_000),
)  # fmt: skip


@given(st.lists(STEP, max_size=30))
@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_the_bell_is_right_and_nothing_comes_from_the_muted(
    app: Flask, steps: list[tuple[str, int, int]]
) -> None:
    article, people = make_talk(), [make_member() for _ in range(3)]
    made: list[int] = []
    for what, one, two in steps:
        person, other = people[one % 3], people[two % 3]
        chosen = made[two % len(made)] if made else None
        if what == "post" or (what == "reply" and chosen is None):
            made.append(say(article, person))
        elif what == "reply" and chosen:
            known = queries_facts.comment_facts(db.session(), chosen)
            if known and known.status == "published":
                made.append(say(article, person, to=chosen))
        elif what in {"reject", "restore"} and chosen:
            change(chosen, "rejected" if what == "reject" else "published")
        elif what == "follow":
            follow(person, article)
        elif what in {"mute", "unmute"} and person is not other:
            (mute if what == "mute" else unmute)(person, other)
        elif what == "read":
            with transaction() as session:
                notices.mark_all_read(session, person.id, clock.now())
        elif what == "run":
            run_all()
    run_all()
    assert miscounted() == []
    session = db.session()
    for person in people:
        unread = session.scalar(
            select(func.count()).where(Notice.user_id == person.id, Notice.read_at.is_(None), Notice.count > 0)
        )
        assert bell(person) == (str(unread) if unread else "")
    standing = select(NoticeCause).where(NoticeCause.withdrawn_at.is_(None), NoticeCause.user_id.in_([p.id for p in people]))
    muted = {(row.user_id, row.muted_id) for row in session.scalars(select(Mute))}
    for cause in session.scalars(standing):
        assert (cause.user_id, cause.actor_id) not in muted
        assert cause.user_id != cause.actor_id
        comment = session.get_one(Comment, int(cause.cause.partition(":")[2]), populate_existing=True)
        assert comment.status == "published"


def test_the_article_s_author_is_not_told_of_comments_they_do_not_follow() -> None:
    author = make_user(roles=("author",))
    article = make_article(author_id=author.id)
    say(article, make_member())
    assert told(author) == []


def test_who_follows_an_author_is_told_once_of_each_story_and_not_while_it_is_withdrawn() -> None:
    make_site()
    author, editor = make_user("Ada Adams", roles=("author",)), make_user(roles=("editor",))
    before, late, muting = (make_user() for _ in range(3))
    for reader in (before, muting):
        follow_person(reader, author)
    mute(muting, author)
    article = make_article("Quays for sale", author_id=author.id, state="draft", published_at=None,
                           standfirst="Who buys a harbour?", byline="Ada Adams")  # fmt: skip

    def put(publish: bool) -> None:
        act = newsroom.publish_article if publish else newsroom.unpublish_article
        viewer = viewer_of(editor)
        with transaction() as session:
            act(session, viewer, article.id, version=fresh(article).version)

    put(True)
    follow_person(late, author)
    for _ in range(2):
        assert [told(reader) for reader in (before, late, muting, author)] == [[("follow", 1)], [], [], []]
        put(False)
        assert told(before) == []
        put(True)
