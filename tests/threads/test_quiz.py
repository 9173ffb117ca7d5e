"""The quiz before a first comment: asked once, as often as it takes, with the words kept and nothing given away."""

import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from blueprints.threads import quiz
from core.db import db, transaction
from models.article import Article
from models.conversation import QuizPass
from models.thread import Comment, Thread
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_user, thread_of
from tests.threads.talk import make_member, make_talk, say
from tests.threads.test_together import at_once

QUIZ = (
    quiz.Question("What did the ministry know?", ("Nothing", "Everything", "It was never asked"), 3, "In paragraph two."),
    quiz.Question("Who said so?", ("A clerk", "A minister"), 1),
)
RIGHT = {"answer-0": "3", "answer-1": "1"}


def with_quiz(**values: object) -> Article:
    article = make_talk(**values)
    with transaction() as session:
        thread = session.get(Thread, thread_of(article).id)
        assert thread is not None
        quiz.set_questions(session, thread.id, QUIZ)
        thread.has_quiz = True
    return article


def sent(browser: Browser, article: Article, words: str, **more: str) -> TestResponse:
    return browser.post(f"/articles/{article.slug}/comments", {"body": words, **more})


def test_the_quiz_stands_between_the_composer_and_the_press_that_posts(app: Flask) -> None:
    article, ann = with_quiz(), make_member()
    browser, at = Browser(app).sign_in(ann), f"/articles/{article.slug}/quiz"
    assert "A short quiz about the story comes before your first comment" in text_of(browser.get(f"/articles/{article.slug}"))
    first = sent(browser, article, "My first words.")
    assert first.status_code == 422
    assert "My first words." in first.get_data(as_text=True)
    wrong = browser.post(at, {"answer-0": "1", "answer-1": "1", "body": "My first words."})
    assert wrong.status_code == 422
    words = text_of(wrong)
    assert "Nearly: one answer is not what the story says." in words
    assert "In paragraph two." in words
    assert "checked" in wrong.get_data(as_text=True)
    done = browser.post(at, RIGHT | {"body": "My first words."})
    assert done.headers["Location"].endswith(f"/articles/{article.slug}?welcome=1#composer")
    assert thread_of(article).published_count == 0, "nothing is ever posted by itself"
    page = browser.follow(done)
    assert "My first words.</textarea>" in page.get_data(as_text=True)
    assert "A short quiz" not in text_of(page)
    assert sent(browser, article, "My first words.").status_code == 303
    assert sent(browser, article, "My second words.").status_code == 303


def test_the_page_never_says_which_answer_is_right(app: Flask) -> None:
    article = with_quiz()
    browser = Browser(app).sign_in(make_member())
    pages = [sent(browser, article, "Words.")] + [
        browser.post(f"/articles/{article.slug}/quiz", {"answer-0": str(choice)}) for choice in (1, 2)
    ]
    first = [re.findall(r'value="(\d)" required( checked)?> <span dir="auto">([^<]+)', page.get_data(as_text=True)) for page in pages]
    assert [[choice[2] for choice in shown] for shown in first] == [
        ["Nothing", "Everything", "It was never asked", "A clerk", "A minister"]
    ] * 3
    assert [[choice[0] for choice in shown if choice[1]] for shown in first] == [[], ["1"], ["2"]]
    for page in pages:
        assert "right" not in re.sub(r"<(script|link)[^>]*>", "", page.get_data(as_text=True)).casefold().replace("copyright", "")


def test_words_for_a_reply_come_back_to_the_reply(app: Flask) -> None:
    article = with_quiz()
    root = say(article, make_user(roles=("moderator",)))
    browser = Browser(app).sign_in(make_member())
    asked = sent(browser, article, "An answer.", parent_id=str(root))
    assert asked.status_code == 422
    done = browser.post(f"/articles/{article.slug}/quiz", RIGHT | {"body": "An answer.", "parent_id": str(root)})
    assert done.headers["Location"] == f"/comments/{root}/reply"
    assert "An answer.</textarea>" in browser.follow(done).get_data(as_text=True)


@pytest.mark.once
@pytest.mark.parametrize("who", ["staff", "author", "earlier", "later guest"])
def test_who_knows_the_story_is_not_asked(app: Flask, who: str) -> None:
    writer = make_user(roles=("author",))
    article = with_quiz(author_id=writer.id)
    person: User = {"staff": make_user(roles=("moderator",)), "author": writer}.get(who) or make_member()
    if who == "earlier":
        set_quiz(article, on=False)
        say(article, person)
        set_quiz(article, on=True)
    if who == "later guest":
        with transaction() as session:
            quiz.note_pass(session, thread_of(article).id, person.id, article.created_at)
    browser = Browser(app).sign_in(person)
    assert browser.get(f"/articles/{article.slug}/quiz").status_code == 303
    assert sent(browser, article, "I know the story.").status_code == 303


def set_quiz(article: Article, *, on: bool) -> None:
    with transaction() as session:
        thread = session.get(Thread, thread_of(article).id)
        assert thread is not None
        thread.has_quiz = on


def test_right_answers_given_twice_at_once_are_stored_once(app: Flask) -> None:
    article, ann = with_quiz(), make_member()
    thread_id, moment = thread_of(article).id, article.created_at

    def passes() -> None:
        with transaction() as session:
            quiz.note_pass(session, thread_id, ann.id, moment)

    assert at_once(app, [passes] * 4) == []
    assert db.session().query(QuizPass).count() == 1


def test_a_visitor_joins_before_the_quiz_and_a_script_gets_the_form_alone(app: Flask) -> None:
    article = with_quiz()
    visitor = Browser(app)
    assert sent(visitor, article, "Kept.").headers["Location"].startswith("/join")
    member = Browser(app).sign_in(make_member())
    answer = member.post(
        f"/articles/{article.slug}/comments", {"body": "By script."}, headers={"X-Requested-With": "fetch"}
    )
    html = answer.get_data(as_text=True)
    assert (answer.status_code, html.lstrip().startswith("<form")) == (422, True)
    assert db.session().query(Comment).count() == 0
