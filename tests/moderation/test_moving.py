"""Moving a branch: the counters of both discussions, addresses, open pages, its authors, the ledger, and two at once."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from blueprints.moderation import moving, queries_queues, reversing, undoing
from blueprints.moderation.decision import Decision
from blueprints.threads import drafts, reports, status
from blueprints.threads import moving as threads_moving
from blueprints.threads import service as threads
from blueprints.threads.live import events_after
from core import clock
from core.db import db, transaction
from core.errors import Conflict, DomainError
from core.step_up import PROOF_LASTS
from jobs.worker import run_all
from models.article import Article
from models.browser_session import BrowserSession
from models.thread import CommentWords, Thread
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_article, make_section, make_site, make_user, thread_of
from tests.moderation.desk import (
    actions,
    as_viewer,
    broken_counters,
    comment,
    ledger_problem,
    make_member,
    make_moderator,
    make_talk,
    reject,
    report,
    say,
)
from tests.moderation.test_notices import told
from tests.moderation.test_two_at_once import at_once
from tests.threads.talk import respect
from tests.threads.test_questions import invite, question_time

WHY = "This is about the harbour."


def harbour() -> Article:
    make_site()
    return make_article("The harbour", thread_values={"pace_seconds": 0})


def move(root: int, to: Article, by: User, *, since: Article | None = None, **values: Any) -> Decision:
    """Move it from where it stands now, or from where it was seen."""
    from_id = thread_of(since).id if since else comment(root).thread_id
    with transaction() as session:
        return moving.move_branch(
            session, comment_id=root, from_thread_id=from_id, actor_id=by.id,
            **{"to_address": f"/articles/{to.slug}", "reason": WHY} | values,
        )  # fmt: skip


def take_back(done: Decision, by: User) -> Decision:
    with transaction() as session:
        return undoing.undo(session, action_id=done.action_id, actor_id=by.id)


def thread_now(article: Article) -> Thread:
    found = db.session().scalar(
        select(Thread).where(Thread.article_id == article.id).execution_options(populate_existing=True)
    )
    assert found is not None
    return found


def all_sound() -> bool:
    with transaction() as session:
        backlog = queries_queues.recount_backlog(session)
    return (broken_counters(), ledger_problem(), backlog) == ([], "", [])


def a_branch(talk: Article, root_by: User, replies_by: User) -> tuple[int, int, int]:
    """A root with two replies below each other."""
    root = say(talk, root_by)
    reply = say(talk, replies_by, to=root)
    return root, reply, say(talk, root_by, to=reply)


def test_a_branch_moves_with_all_that_belongs_to_it_and_both_discussions_count_right(app: Flask) -> None:
    here, there, mo, ann, bea = make_talk(), make_talk(), make_moderator(), make_member(), make_member()
    stays = say(here, bea)
    root, reply, last = a_branch(here, ann, bea)
    respect(reply, mo)
    report(reply, mo)
    reject(last, mo)
    done = move(root, there, mo)
    assert [comment(each).thread_id for each in (stays, root, reply, last)] == [
        thread_of(here).id, *[thread_of(there).id] * 3
    ]  # fmt: skip
    assert (thread_now(here).published_count, thread_now(there).published_count) == (1, 2)
    assert (comment(reply).respect_count, comment(reply).report_count, comment(last).status) == (1, 1, "rejected")
    assert all_sound()
    (entry,) = [row for row in actions() if row.action == "move"]
    assert (entry.actor_id, entry.reason, entry.thread_id) == (mo.id, WHY, thread_of(here).id)
    assert f'"thread_id":{thread_of(here).id}' in (entry.before or "")
    assert '"comments":3' in (entry.after or "")
    assert f'"thread_id":{thread_of(there).id}' in (entry.after or "")
    take_back(done, mo)
    assert {comment(each).thread_id for each in (root, reply, last)} == {thread_of(here).id}
    assert (thread_now(here).published_count, thread_now(there).published_count) == (3, 0)
    assert all_sound()


def test_every_address_of_a_moved_comment_leads_to_the_new_place(app: Flask, client: Browser) -> None:
    here, there, ann = make_talk(), harbour(), make_member()
    root, reply, _ = a_branch(here, ann, make_member())
    move(root, there, make_moderator())
    page = text_of(client.get(f"/comments/{reply}"))
    assert "The harbour" in page
    assert comment(reply).body_source in page
    assert comment(reply).body_source in text_of(client.get(f"/articles/{there.slug}"))
    assert comment(reply).body_source not in text_of(client.get(f"/articles/{here.slug}"))
    with pytest.raises(DomainError, match=r"it may have been moved\. Your words are still here"):
        say(here, ann, to=root)


def test_open_pages_of_both_discussions_are_told(app: Flask) -> None:
    here, there = make_talk(), make_talk()
    root, reply, last = a_branch(here, make_member(), make_member())
    before = thread_now(here).version, thread_now(there).version
    move(root, there, make_moderator())
    gone = events_after(db.session(), thread_of(here).id, before[0], 10)
    came = events_after(db.session(), thread_of(there).id, before[1], 10)
    assert [(row.kind, row.comment_id, row.count) for row in gone] == [("gone", each, 0) for each in (root, reply, last)]
    assert [(row.kind, row.comment_id, row.count) for row in came] == [("comment", each, 3) for each in (root, reply, last)]
    assert thread_now(there).version > came[-1].number


def test_each_author_is_told_once_and_nobody_of_a_slip(app: Flask) -> None:
    here, there, mo = make_talk(), harbour(), make_moderator()
    ann, bea = make_member(), make_member()
    root, _, _ = a_branch(here, ann, bea)
    slip = move(root, there, mo)
    take_back(slip, mo)
    assert [title for title in told(bea) if "moved" in title] == []
    done = move(root, there, mo)
    assert [title for title in told(bea) if "moved" in title] == [
        "Your comment on “What the ministry knew” was moved to the discussion of “The harbour”, with the conversation "
        f"around it. {WHY}"
    ]
    assert [title.partition(" moved")[0] for title in told(ann) if "moved" in title] == [
        "2 comments of yours on “What the ministry knew” were"
    ]
    take_back(done, mo)
    assert [title for title in told(bea) if "moved back" in title] == [
        "Your comment on “The harbour” was moved back to the discussion of “What the ministry knew”, with the "
        f"conversation around it. {WHY}"
    ]


def test_the_search_and_the_authors_badge_follow(app: Flask) -> None:
    writer = make_user(roles=("author",))
    here, there = make_talk(author_id=writer.id), make_talk()
    root = say(here, make_member())
    reply = say(here, writer, to=root)
    assert comment(reply).author_badge == "author"
    run_all()
    done = move(root, there, make_moderator())
    run_all()
    words = db.session().scalar(select(CommentWords.words).where(CommentWords.comment_id == root))
    assert f"@{thread_of(there).id}" in (words or "")
    assert comment(reply).author_badge == "staff"
    take_back(done, make_moderator())
    assert comment(reply).author_badge == "author"


def test_a_guests_badge_keeps_its_line_and_follows_its_changes(app: Flask, client: Browser) -> None:
    guest, there = make_user("Ingrid Halvorsen"), harbour()
    here = question_time(guest)
    root = say(here, make_member())
    say(here, guest, to=root)
    move(root, there, make_moderator())
    assert "Guest of the paper Drew the timetable" in text_of(client.get(f"/articles/{there.slug}"))
    invite(here, guest, line="Draws timetables")
    run_all()
    assert "Guest of the paper Draws timetables" in text_of(client.get(f"/articles/{there.slug}"))


def test_words_of_a_reply_that_is_being_written_go_along(app: Flask, client: Browser) -> None:
    here, there, bea = make_talk(), make_talk(), make_member()
    root = say(here, make_member())
    with transaction() as session:
        drafts.keep_words(session, drafts.DraftOwner(user_id=bea.id), here.id, "Half a thought", root)
    move(root, there, make_moderator())
    assert "Half a thought" in client.sign_in(bea).get(f"/comments/{root}/reply").text


def test_all_that_somebody_moved_is_taken_back_as_one(app: Flask) -> None:
    here, there, mo, pat = make_talk(), make_talk(), make_moderator(), make_user(roles=("publisher",))
    roots, since = [say(here, make_member()) for _ in range(3)], clock.now()
    for root in roots:
        move(root, there, mo)
    with transaction() as session:
        reversing.reverse(session, actor_id=mo.id, since=since, asked_by=pat.id, count=3)
    run_all()
    assert {comment(root).thread_id for root in roots} == {thread_of(here).id}
    assert all_sound()


def test_what_cannot_be_moved_is_refused_with_a_sentence(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    section = make_section()
    here, there, mo = make_talk(section=section), make_talk(), make_moderator()
    root, reply, _ = a_branch(here, make_member(), make_member())
    other = make_talk(section=make_section())
    limited = make_moderator(sections=(section,))
    refused = {
        "A reply is moved with": lambda: move(reply, there, mo),
        "stands in this discussion already": lambda: move(root, here, mo),
        "no article at this address": lambda: move(root, there, mo, to_address="https://elsewhere.example/x"),
        "Please say why": lambda: move(root, there, mo, reason=" "),
        "moderated by colleagues": lambda: move(root, other, limited),
        "Only moderators": lambda: move(root, there, make_member()),
        "do not see the discussion": lambda: move(root, make_talk(thread_values={"state": "hidden"}), mo),
    }  # fmt: skip
    for sentence, attempt in refused.items():
        with pytest.raises(DomainError, match=sentence):
            attempt()
    monkeypatch.setattr(threads_moving, "MOST_AT_ONCE", 2)
    with pytest.raises(DomainError, match="This branch has 3 comments; up to 2 are moved at once"):
        move(root, there, mo)
    assert [row.action for row in actions()] == []
    assert all_sound()


def test_of_two_moves_at_once_one_stands_and_the_other_is_told(app: Flask) -> None:
    here, there, elsewhere = make_talk(), harbour(), harbour()
    mo, flo = make_moderator("Mo Adeyemi"), make_moderator("Flo Okafor")
    root, _, _ = a_branch(here, make_member(), make_member())
    from_id, ids = thread_of(here).id, (mo.id, flo.id)
    places = (f"/articles/{there.slug}", f"/articles/{elsewhere.slug}")

    def to(number: int) -> Decision:
        with transaction() as session:
            return moving.move_branch(session, comment_id=root, from_thread_id=from_id, to_address=places[number],
                                      reason=WHY, actor_id=ids[number])  # fmt: skip

    answers = at_once(app, lambda: to(0), lambda: to(1))
    (refused,) = [answer for answer in answers if isinstance(answer, Conflict)]
    winner = "Mo Adeyemi" if isinstance(answers[0], Decision) else "Flo Okafor"
    assert refused.sentence == f"Already moved to the discussion of “The harbour” by {winner}."
    assert [row.action for row in actions()] == ["move"]
    assert all_sound()


def test_what_happens_to_a_branch_while_it_moves_is_counted_in_one_place(app: Flask) -> None:
    here, there, mo = make_talk(), make_talk(), make_moderator()
    ann, bea = make_member(), make_member()
    branches = [a_branch(here, ann, bea) for _ in range(4)]
    from_id, to_id, actor_id, place = thread_of(here).id, thread_of(there).id, mo.id, f"/articles/{there.slug}"
    viewers = as_viewer(ann), as_viewer(bea)

    def go(root: int) -> Decision:
        with transaction() as session:
            return moving.move_branch(session, comment_id=root, from_thread_id=from_id, to_address=place, reason=WHY,
                                      actor_id=actor_id)  # fmt: skip

    def within(work: Any) -> Any:
        with transaction() as session:
            return work(session)

    deeds: list[Any] = [
        lambda root, reply: within(lambda session: threads.toggle_respect(session, viewers[0], reply)),
        lambda root, reply: within(lambda session: threads.delete_comment(session, viewers[1], reply)),
        lambda root, reply: within(
            lambda session: reports.report_comment(session, viewers[0], reply, reporter_key="user:x", reason="spam")
        ),
        lambda root, reply: within(lambda session: status.change_status(session, root, "withheld")),
    ]
    for deed, (root, reply, _) in zip(deeds, branches, strict=True):
        at_once(app, lambda root=root: go(root), lambda deed=deed, root=root, reply=reply: deed(root, reply))
        assert comment(reply).thread_id == comment(root).thread_id == to_id
    assert all_sound()


def test_branches_that_cross_each_other_wait_for_nobody(app: Flask) -> None:
    here, there, mo = make_talk(), make_talk(), make_moderator()
    one, two = say(here, make_member()), say(there, make_member())
    actor_id, ids, slugs = mo.id, (thread_of(here).id, thread_of(there).id), (here.slug, there.slug)

    def go(root: int, start: int) -> Decision:
        with transaction() as session:
            return moving.move_branch(session, comment_id=root, from_thread_id=ids[start], reason=WHY, actor_id=actor_id,
                                      to_address=slugs[1 - start])  # fmt: skip

    answers = at_once(app, lambda: go(one, 0), lambda: go(two, 1))
    assert all(isinstance(answer, Decision) for answer in answers)
    assert (comment(one).thread_id, comment(two).thread_id) == (ids[1], ids[0])
    assert all_sound()


def test_the_desk_moves_a_branch_and_takes_it_back(app: Flask, client: Browser) -> None:
    here, there = make_talk(), harbour()
    root, reply, _ = a_branch(here, make_member(), make_member())
    client.sign_in(make_moderator())
    assert f"/moderation/comments/{reply}/move" in client.get(f"/moderation/comments/{reply}").text
    page = client.get(f"/moderation/comments/{reply}/move")
    assert "3 comments by 2 authors" in text_of(page)
    assert f'action="/moderation/comments/{root}/move"' in page.text
    typed = {"thread_id": str(thread_of(here).id), "reason": WHY}
    for nothing in ("nowhere", make_article("Not yet out", state="draft").slug):  # drafts are not to be guessed
        again = client.post(f"/moderation/comments/{root}/move", typed | {"to": f"/articles/{nothing}"})
        assert again.status_code == 422
        assert "There is no article at this address" in text_of(again)
        assert WHY in again.text
    typed["to"] = f"https://paper.example/articles/{there.slug}#comments"
    moved = client.follow(client.post(f"/moderation/comments/{root}/move", typed))
    assert "Branch moved to “The harbour”" in text_of(moved)
    log = Browser(app).sign_in(make_user(roles=("publisher",))).get("/moderation-log")
    assert "Branch moved" in text_of(log)
    for words in ("harbour", comment(root).body_source):
        assert words not in text_of(log)
    for article in (here, there):
        assert "Branch moved to “The harbour”" in text_of(client.get(f"/moderation/threads/{thread_of(article).id}"))
    last = actions()[-1]
    client.post(f"/moderation/actions/{last.id}/undo")
    assert comment(root).thread_id == thread_of(here).id


def test_a_browser_that_proved_nothing_lately_is_asked_and_carries_the_form_on(app: Flask, client: Browser) -> None:
    here, there = make_talk(), make_talk()
    root = say(here, make_member())
    client.sign_in(make_moderator())
    with transaction() as session:
        session.execute(update(BrowserSession).values(proved_at=clock.now() - PROOF_LASTS))
    asked = client.post(f"/moderation/comments/{root}/move", {"thread_id": "1", "to": there.slug, "reason": WHY})
    assert "To move a whole branch, please show once more that it is you" in text_of(asked)
    assert WHY in asked.text
    assert comment(root).thread_id == thread_of(here).id
