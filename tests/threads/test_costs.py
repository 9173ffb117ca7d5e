"""What the requests that come most often may cost in statements. A number that rises here is a decision, not a slip.

BEGIN, COMMIT and ROLLBACK are not counted; on PostgreSQL a row that is decided on is locked by a statement of its own.
"""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.moderation import queries_queues
from blueprints.threads.ordering import SORTS, cursor_at, standing
from blueprints.threads.queries_branch import page_of_roots
from core.db import db
from jobs import worker
from models.article import Article
from models.job import Job
from models.thread import Comment
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_user
from tests.threads.counting import statements
from tests.threads.talk import as_viewer, change, facts, make_member, make_talk, respect, say

SCRIPT = {"X-Requested-With": "fetch"}
WRITES = ("INSERT", "UPDATE", "DELETE")


@pytest.fixture
def ann(app: Flask) -> User:
    """Somebody who has said enough for the screening not to take notes."""
    member, before = make_member(), make_talk()
    for _ in range(3):
        say(before, member)
    return member


@pytest.fixture
def article(app: Flask) -> Article:
    return make_talk()


def cost(ask: Callable[[], int]) -> list[str]:
    """The statements of the second time: the first may prepare something that is kept."""
    ask()
    db.session().rollback()
    with statements() as sent:
        status = ask()
    assert status < 400
    return sent


def locks() -> int:
    """How many more statements PostgreSQL takes, for locks that SQLite has by its turn to write."""
    return 0 if db.engine.dialect.name == "sqlite" else 1


def test_a_post_costs_so_many_statements_and_asks_for_one_job(app: Flask, article: Article, ann: User) -> None:
    browser, path = Browser(app).sign_in(ann), f"/articles/{article.slug}/comments"
    numbers = iter(range(100))
    worker.run_all()

    def post() -> int:
        return browser.post(path, {"body": f"Words number {next(numbers)}."}).status_code

    sent = cost(post)
    assert len(sent) == 11 + locks(), "\n".join(sent)
    assert sum(statement.startswith(WRITES) for statement in sent) == 6, "\n".join(sent)
    asked = db.session().scalars(select(Job.kind).where(Job.finished_at.is_(None))).all()
    assert asked == ["threads.published"] * 2


def test_a_reply_costs_two_statements_more(app: Flask, article: Article, ann: User) -> None:
    root = say(article, make_member())
    browser, path = Browser(app).sign_in(ann), f"/articles/{article.slug}/comments"
    numbers = iter(range(100))

    def reply() -> int:
        return browser.post(path, {"body": f"An answer, number {next(numbers)}.", "parent_id": root}).status_code

    assert len(sent := cost(reply)) == 13 + locks(), "\n".join(sent)


def test_respect_costs_so_many_statements_and_no_job(app: Flask, article: Article, ann: User) -> None:
    one = say(article, make_member())
    worker.run_all()
    browser = Browser(app).sign_in(ann)

    def press() -> int:
        return browser.post(f"/comments/{one}/respect", headers=SCRIPT).status_code

    sent = cost(press)
    assert len(sent) == 7 + locks(), "\n".join(sent)
    assert sum(statement.startswith(WRITES) for statement in sent) == 4, "\n".join(sent)
    assert db.session().scalars(select(Job.id).where(Job.finished_at.is_(None))).all() == []


def test_a_members_page_costs_three_statements_whatever_stands_on_it(app: Flask, article: Article, ann: User) -> None:
    bob = make_member()
    root = say(article, bob)
    browser, path = Browser(app).sign_in(ann), f"/articles/{article.slug}"

    def page() -> int:
        return browser.get(path).status_code

    assert len(sent := cost(page)) == 3, "\n".join(sent)
    for _ in range(5):
        say(article, ann, to=root)
        respect(say(article, bob), ann)
    assert len(sent := cost(page)) == 3, "\n".join(sent)


def test_a_moderators_page_costs_one_statement_more_which_counts_what_waits_for_them(
    app: Flask, article: Article, ann: User
) -> None:
    root = say(article, ann)
    browser, path = Browser(app).sign_in(make_user(roles=("moderator",))), f"/articles/{article.slug}"

    def page() -> int:
        return browser.get(path).status_code

    assert len(sent := cost(page)) == 4, "\n".join(sent)
    for _ in range(3):
        change(say(article, ann, to=root), "withheld")
    assert len(sent := cost(page)) == 4, "\n".join(sent)
    assert "Moderation , waiting: 3" in text_of(browser.get(path))


@pytest.mark.sqlite
def test_what_waits_is_counted_in_indexes_that_hold_nothing_else(app: Flask) -> None:
    moderator = make_user(roles=("moderator",))
    Browser(app).sign_in(moderator).get("/rules")
    with statements() as sent:
        queries_queues.waits(db.session(), as_viewer(moderator))
    plan = db.session().connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sent[-1].replace('?', '0')}").all()
    used = " ".join(row[-1] for row in plan)
    for index in ("ix_comment_reported", "ix_comment_waiting", "ix_illegal_notice_open", "ix_appeal_open"):
        assert index in used


@pytest.mark.sqlite
def test_a_page_far_in_reads_no_more_of_the_database_than_the_first(app: Flask, article: Article) -> None:
    """In every order, also where hundreds have the same key; counted in steps of SQLite's own machine."""
    people = [make_member() for _ in range(2)]
    roots = [say(article, people[0]) for _ in range(600)]
    for root in roots[:20]:
        respect(root, people[1])
    thread_id = facts(article).thread_id
    session = db.session()
    for sort in SORTS:
        first = page_of_roots(session, thread_id, sort, None, 10)
        last = sorted(
            session.scalars(select(Comment).where(Comment.id.in_(roots))), key=lambda root: standing(sort, root)
        )[-11]  # fmt: skip
        far_in = steps(lambda: page_of_roots(session, thread_id, sort, cursor_at(sort, last), 10))  # noqa: B023
        from_start = steps(lambda: page_of_roots(session, thread_id, sort, None, 10))  # noqa: B023
        assert len(first) >= 10
        assert far_in <= from_start * 1.5, (sort, far_in, from_start)


def steps(work: Callable[[], object]) -> int:
    """How many steps of SQLite's machine the work takes, in tens."""
    counted = [0]

    def count() -> int:
        counted[0] += 1
        return 0

    driver = db.session().connection().connection.driver_connection
    assert driver is not None
    driver.set_progress_handler(count, 10)
    try:
        work()
    finally:
        driver.set_progress_handler(None, 0)
    return counted[0]
