"""Several people at once: nothing is lost, and every counter is what a recount says."""

import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from blueprints.threads import drafts, reports, service, thread_state
from blueprints.threads.events import connect
from core.db import db, transaction
from core.errors import DomainError
from core.markup import people_named
from models.thread import Comment, Draft, Mention, Report, Respect
from models.user import User
from tests.factories import thread_of
from tests.threads.talk import as_viewer, change, comment, drifts, facts, make_member, make_talk, respect, say

EACH = 6


def at_once(app: Flask, work: list[Callable[[], object]]) -> list[BaseException]:
    """Do all of it in threads of their own, started together; what was refused or failed is returned."""
    start, failed = threading.Barrier(len(work)), list[BaseException]()

    def run(task: Callable[[], object]) -> None:
        with app.app_context():
            start.wait()
            try:
                task()
            except BaseException as error:
                failed.append(error)
            finally:
                db.session.remove()

    session = db.session()
    for row in list(session.identity_map.values()):
        session.refresh(row)  # every thread may read what the test has made, without a session
    session.expunge_all()
    db.session.remove()
    running = [threading.Thread(target=run, args=(task,)) for task in work]
    for each in running:
        each.start()
    for each in running:
        each.join(timeout=60)
    return failed


def many(times: int, task: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        for _ in range(times):
            task()

    return run


def test_posting_replying_respecting_and_deciding_at_once_leaves_every_counter_right(app: Flask) -> None:
    article = make_talk()
    people = [make_member() for _ in range(4)]
    root, other = say(article, people[0]), say(article, people[1])

    def flip(status: str) -> Callable[[], None]:
        def run() -> None:
            change(root, status)
            change(root, "published")

        return run

    failed = at_once(app, [
        many(EACH, lambda: say(article, people[0])),
        many(EACH, lambda: say(article, people[1], to=other)),
        many(EACH, lambda: respect(other, people[2])),
        many(EACH, lambda: respect(other, people[3])),
        many(EACH, flip("rejected")),
        many(EACH, flip("deleted")),
    ])  # fmt: skip
    assert failed == []
    assert drifts(article) == []
    assert thread_of(article).published_count == 2 + 2 * EACH
    assert comment(other).branch_count == EACH


def test_the_same_words_sent_twice_at_once_are_taken_once(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    failed = at_once(app, [lambda: say(article, ann, "Pressed twice.")] * 4)
    assert len(failed) == 3
    assert all(isinstance(error, service.Repeated) for error in failed)
    assert thread_of(article).published_count == 1


def test_respect_pressed_twice_at_once_counts_once(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    one = say(article, ann)
    assert at_once(app, [lambda: respect(one, bob, wanted=True)] * 4) == []
    assert comment(one).respect_count == db.session().scalar(select(func.count()).select_from(Respect)) == 1


def test_one_person_reporting_at_once_counts_once_and_many_count_each(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann)
    reporters: list[User] = [make_member() for _ in range(3)]

    def report(user: User, key: str) -> None:
        viewer = as_viewer(user)
        with transaction() as session:
            reports.report_comment(session, viewer, one, reporter_key=key, reason="spam")

    work = [lambda user=user: report(user, f"user:{user.id}") for user in reporters for _ in range(2)]
    assert at_once(app, work) == []
    assert comment(one).report_count == db.session().scalar(select(func.count()).select_from(Report)) == 3
    assert drifts(article) == []


def test_of_two_decisions_on_the_same_state_one_is_refused(app: Flask) -> None:
    article, ann = make_talk(thread_values={"premoderated": True}), make_member()
    one = say(article, ann)
    failed = at_once(app, [
        lambda: change(one, "published", expected_status="pending"),
        lambda: change(one, "rejected", expected_status="pending"),
    ])  # fmt: skip
    assert len(failed) == 1
    assert isinstance(failed[0], DomainError)
    assert drifts(article) == []


def test_edits_and_decisions_at_once_keep_every_text(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann)

    def edit(number: int) -> None:
        viewer = as_viewer(ann)
        with transaction() as session:
            service.edit_comment(session, viewer, one, f"A better text, number {number}.")

    failed = at_once(app, [lambda: edit(1), lambda: edit(2), lambda: edit(3), lambda: change(one, "withheld")])
    assert failed == []
    row = comment(one)
    assert (row.revision, row.status) == (4, "withheld")
    assert drifts(article) == []


def test_people_renamed_while_others_post_never_wait_for_each_other_in_a_ring(app: Flask) -> None:
    talks, people = [make_talk(), make_talk()], [make_member() for _ in range(3)]
    for article in talks:
        for person in people:
            say(article, person)

    def renew(user: User) -> None:
        with transaction() as session:
            thread_state.renew_threads_of(session, user.id)

    failed = at_once(app, [
        many(EACH, lambda: renew(people[0])),
        many(EACH, lambda: renew(people[1])),
        many(EACH, lambda: say(talks[0], people[2])),
        many(EACH, lambda: say(talks[1], people[0])),
    ])  # fmt: skip
    assert failed == []
    assert all(drifts(article) == [] for article in talks)
    assert db.session().scalar(select(func.count()).select_from(Comment)) == 6 + 2 * EACH


@pytest.mark.usefixtures("app")
def test_listening_twice_changes_nothing() -> None:
    from blueprints.membership.hooks import kept_words

    before = len(kept_words)
    connect()
    assert len(kept_words) == before
    assert facts(make_talk()).version == 1


def test_drafts_kept_from_two_devices_at_once_are_one_draft_and_nothing_is_brought_back(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    owner, kept = drafts.DraftOwner(user_id=ann.id), list[str]()

    def keep(device: int) -> Callable[[], object]:
        def save() -> None:
            known = 0
            for number in range(EACH):
                words = f"Device {device}, version {number}."
                with transaction() as session:
                    said = drafts.save_draft(session, owner, article.id, words, known=known)
                known = said.generation
                if said.state == "saved":
                    kept.append(words)

        return save

    assert at_once(app, [keep(device) for device in range(3)]) == []
    row = db.session().scalars(select(Draft)).one()
    assert (row.body, row.generation) == (kept[-1], len(kept)) or row.body in kept
    assert row.generation == len(kept), "each that was told saved is one generation"
    assert at_once(app, [keep(4), lambda: say(article, ann, kept[-1])]) == []
    with transaction() as session:
        said = drafts.save_draft(session, owner, article.id, "From a page that was opened before.", known=1)
    assert said.state != "saved"


def test_mentions_posted_edited_and_taken_back_at_once_name_whom_the_text_names(app: Flask) -> None:
    article = make_talk()
    ann, bea, bob = (make_member(name) for name in ("Ann Harker", "Bea Harding", "Bob Hadley"))
    for person in (bea, bob):
        say(article, person)
    mine = [say(article, ann, f"Well, @Bea Harding, number {number}.") for number in range(4)]

    def edit(comment_id: int) -> Callable[[], object]:
        viewer = as_viewer(ann)

        def run() -> None:
            with transaction() as session:
                service.edit_comment(session, viewer, comment_id, f"Rather @Bob Hadley, {comment_id}.")

        return run

    failed = at_once(app, [edit(mine[0]), edit(mine[0]), edit(mine[1]), lambda: change(mine[1], "rejected"),
                           lambda: say(article, ann, "And @Bob Hadley too."), edit(mine[2])])  # fmt: skip
    assert all(isinstance(error, DomainError) for error in failed), failed
    for row in db.session().scalars(select(Comment)).all():
        named = set(db.session().scalars(select(Mention.user_id).where(Mention.comment_id == row.id)))
        assert named == set(people_named(row.body_html)), row.body_source
