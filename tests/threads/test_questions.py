"""Readers ask, guests answer: who may, what is marked, where it stands, and that every count holds."""

import re

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blueprints.threads import ordering, queries_branch
from blueprints.threads.ordering import ANSWERED, FIRST_REPLIES, QUESTIONS, ROOTS_PER_PAGE, UNANSWERED, Questions
from blueprints.threads.settings import Conversation, Guest, change
from core.db import db, transaction
from core.errors import DomainError
from models.article import Article
from models.thread import COMMENT_STATUSES, Comment, Thread
from models.user import User
from tests.browser import Browser, text_of
from tests.conftest import examples
from tests.factories import make_user, thread_of
from tests.threads.counting import statements
from tests.threads.talk import change as put
from tests.threads.talk import comment, drifts, facts, make_member, make_talk, respect, say
from tests.threads.test_together import at_once

pytestmark = pytest.mark.usefixtures("app")


def question_time(*guests: User, **values: object) -> Article:
    """An article under which readers ask and these people answer."""
    article = make_talk(**values)
    invite(article, *guests)
    return article


def invite(article: Article, *guests: User, line: str = "Drew the timetable") -> None:
    with transaction() as session:
        thread = session.get(Thread, thread_of(article).id, with_for_update=True)
        assert thread is not None
        wanted = Conversation(
            pace_seconds=0, takes_questions=True, guests=tuple(Guest(guest.id, line) for guest in guests)
        )
        change(session, thread, wanted, article.published_at)


def listed(article: Article, view: Questions) -> list[int]:
    """The questions of a view, read in pages of two."""
    found: list[int] = []
    after = None
    while True:
        rows = queries_branch.page_of_roots(db.session(), thread_of(article).id, view, after, 2)
        roots = sorted((row for row in rows if row.parent_id is None), key=lambda row: ordering.standing(view, row))
        if not roots:
            return found
        found += [row.id for row in roots]
        after = ordering.cursor_at(view, roots[-1])
        text = ordering.root_cursor(view, after)
        assert ordering.read_root_cursor(view, text) == after


def ids(html: str) -> list[int]:
    return [int(found) for found in re.findall(r'<article class="comment[^"]*" id="comment-(\d+)"', html)]


@pytest.mark.once
def test_a_guest_answers_without_being_a_member_and_first_under_the_question() -> None:
    guest, ann, bob = make_user("Ingrid Halvorsen"), make_member(), make_member()
    article = question_time(guest)
    question = say(article, ann)
    replies = [say(article, bob, to=question) for _ in range(FIRST_REPLIES + 2)]
    answer = say(article, guest, to=question)
    further = say(article, guest, to=replies[0])
    assert (comment(question).is_question, comment(answer).is_answer, comment(further).is_answer) == (True, True, False)
    assert {comment(which).author_badge for which in (answer, further)} == {"guest"}
    page = Browser(facts_app()).get(f"/articles/{article.slug}").get_data(as_text=True)
    assert ids(page)[:3] == [question, answer, replies[0]]
    assert page.count("Drew the timetable") == 3  # above the discussion, beside the answer and the further reply


def facts_app() -> Flask:
    from flask import current_app

    return current_app._get_current_object()  # type: ignore[attr-defined, no-any-return]


def test_who_is_not_invited_answers_nothing_and_roots_of_hosts_are_no_questions() -> None:
    author, guest, moderator, ann = make_user(roles=("author",)), make_user(), make_user(roles=("moderator",)), make_member()
    article = question_time(guest, author_id=author.id)
    question = say(article, ann)
    for person in (guest, author, moderator):
        assert comment(say(article, person)).is_question is False
    assert comment(say(article, moderator, to=question)).is_answer is False
    assert comment(question).answered_at is None
    assert comment(say(article, author, to=question)).is_answer is True
    elsewhere = make_talk()
    with pytest.raises(DomainError, match="for members"):
        say(elsewhere, guest)


def test_answered_questions_stand_by_their_first_answer_and_the_others_by_respect() -> None:
    guest, ann, bob = make_user(), make_member(), make_member()
    article = question_time(guest)
    one, two, three, four = (say(article, ann) for _ in range(4))
    respect(three, bob)
    assert listed(article, UNANSWERED) == [three, four, two, one]
    first = say(article, guest, to=two)
    second = say(article, guest, to=one)
    say(article, guest, to=two)
    assert (listed(article, ANSWERED), listed(article, UNANSWERED)) == ([one, two], [three, four])
    put(second, "rejected")
    assert (listed(article, ANSWERED), listed(article, UNANSWERED)) == ([two], [three, four, one])
    put(first, "deleted")
    assert comment(two).answered_at == comment(first + 2).published_at
    assert (thread_of(article).question_count, thread_of(article).answered_count) == (4, 1)
    assert drifts(article) == []


STEP = st.tuples(
    st.sampled_from(["ask", "ask", "answer", "answer", "reply", "host", "status", "status"]),
    st.integers(0, 1_000),
    st.sampled_from(COMMENT_STATUSES),
)


@given(st.lists(STEP, max_size=25))
@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_of_questions_and_answers_hold_whatever_happens(app: Flask, steps: list[tuple[str, int, str]]) -> None:
    guests, people = [make_user(), make_user()], [make_member(), make_member()]
    article = question_time(*guests)
    made: list[int] = []
    for what, number, status in steps:
        known = [comment(which) for which in made]
        open_ones = [row.id for row in known if row.status == "published"]
        if what in {"ask", "host"}:
            made.append(say(article, (people if what == "ask" else guests)[number % 2]))
        elif what == "status" and made:
            put(made[number % len(made)], status)
        elif what in {"answer", "reply"} and open_ones:
            person = (guests if what == "answer" else people)[number % 2]
            made.append(say(article, person, to=open_ones[number % len(open_ones)]))
    assert drifts(article) == []
    rows = [comment(which) for which in made]
    questions = {row.id for row in rows if row.is_question and row.status == "published"}
    answered = {row.parent_id for row in rows if row.is_answer and row.status == "published"} & questions
    assert sorted(listed(article, ANSWERED)) == sorted(answered)
    assert sorted(listed(article, UNANSWERED)) == sorted(questions - answered)


def test_answers_given_and_taken_at_once_leave_the_question_as_a_recount_says(app: Flask) -> None:
    guests, ann = [make_user(), make_user(), make_user()], make_member()
    article = question_time(*guests)
    question = say(article, ann)
    standing = say(article, guests[2], to=question)
    failed = at_once(app, [
        lambda: say(article, guests[0], to=question), lambda: say(article, guests[1], to=question),
        lambda: put(standing, "rejected"), lambda: say(article, ann),
    ])  # fmt: skip
    assert failed == []
    assert drifts(article) == []
    assert (thread_of(article).question_count, thread_of(article).answered_count) == (2, 1)


def test_the_settings_changed_by_two_at_once_are_one_of_theirs(app: Flask) -> None:
    one, two = make_user(), make_user()
    article = make_talk()
    before = thread_of(article).version
    assert at_once(app, [lambda: invite(article, one), lambda: invite(article, two)]) == []
    assert facts(article).guest_ids in ({one.id}, {two.id})
    assert thread_of(article).version == before + 2


@pytest.mark.once
def test_the_tabs_the_page_and_its_cost_stay_the_same_for_many_questions(app: Flask) -> None:
    guest, ann = make_user(), make_member()
    article = question_time(guest)
    visitor, at = Browser(app), f"/articles/{article.slug}"
    say(article, ann)
    assert "Unanswered 1" in text_of(visitor.get(at))
    costs = []
    for number in (2, ROOTS_PER_PAGE + 3):
        while facts(article).question_count < number:
            question = say(article, ann)
            if question % 2:
                say(article, guest, to=question)
        with statements() as ran:
            page = visitor.get(f"{at}?sort=unanswered")
        costs.append(len(ran))
        assert len(ids(page.get_data(as_text=True))) <= ROOTS_PER_PAGE
    assert costs[0] == costs[1]
    answered = facts(article).answered_count
    page_text = text_of(visitor.get(at))
    assert f"Answered {answered}" in page_text
    assert f"Unanswered {facts(article).question_count - answered}" in page_text


def test_the_guests_page_lists_what_waits_and_is_nobody_elses(app: Flask) -> None:
    guest, ann = make_user("Ingrid Halvorsen"), make_member()
    article = question_time(guest)
    at = f"/articles/{article.slug}"
    question = say(article, ann, "When does the night train run in winter?")
    mine = Browser(app).sign_in(guest)
    assert "Answer the readers: 1 question without an answer" in text_of(mine.get(at))
    page = mine.get(f"{at}/questions")
    assert "When does the night train run in winter?" in text_of(page)
    assert f"/comments/{question}/reply" in page.get_data(as_text=True)
    mine.post(f"{at}/comments", {"body": "Every night but Saturday.", "parent_id": str(question)})
    assert "Every question is answered" in text_of(mine.get(f"{at}/questions"))
    assert "Every night but Saturday." in text_of(mine.get(f"{at}/questions?show=answered"))
    for other in (Browser(app).sign_in(ann), Browser(app).sign_in(make_user(roles=("author",)))):
        assert other.get(f"{at}/questions").status_code == 404
    assert db.session().query(Comment).count() == 2
    assert set(QUESTIONS) == {"answered", "unanswered"}
