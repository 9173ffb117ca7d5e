"""What an article's gate brought and how its discussion goes, for who wrote and edits it."""

from flask import Flask

from blueprints.insights import queries_funnel
from core import clock
from core.db import transaction
from models.article import Article
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_article, make_site, make_user, thread_of
from tests.publisher.rows import figure, make_comment
from tests.publisher.test_overview import statements


def paper(app: Flask) -> tuple[Article, User, Browser]:
    """An article by its author, and an editor's browser."""
    make_site()
    author = make_user("Dana Whitlock", roles=("author",))
    article = make_article("The bridge", slug="bridge", author_id=author.id)
    return article, author, Browser(app).sign_in(make_user("Ed Kowalski", roles=("editor", "author")))


def test_an_editor_sees_the_steps_and_the_discussion(app: Flask) -> None:
    article, author, editor = paper(app)
    with transaction():
        queries_funnel.add({(article.id, clock.now().date(), "seen"): 80, (article.id, clock.now().date(), "pressed"): 4})
    make_comment(article, author)
    make_comment(article, make_user())
    make_comment(article, make_user(), days_ago=40)
    make_comment(article, make_user(), status="withheld")
    make_comment(make_article(), author)
    with transaction() as session:
        from blueprints.threads.counters import recount

        recount(session, thread_of(article).id, repair=True)
    page = editor.get(f"/newsroom/articles/{article.id}/figures")
    text = text_of(page)
    assert "Gate seen 80" in text
    assert "5.00 %" in text
    file = editor.get(f"/newsroom/articles/{article.id}/figures.csv").get_data(as_text=True)
    assert "Pressed,4,0.0500," in file
    assert figure(page, "comments that can be read now") == ["3"]
    assert figure(page, "people wrote") == ["2"]
    assert figure(page, "wait for a decision") == ["1"]
    assert figure(page, "by the author") == ["1"]
    assert f'href="/newsroom/articles/{article.id}/figures"' in editor.get("/newsroom?state=published").get_data(as_text=True)
    assert f'href="/newsroom/articles/{article.id}/figures"' in editor.get(f"/newsroom/articles/{article.id}").get_data(as_text=True)


def test_authors_see_their_own_and_readers_none(app: Flask) -> None:
    article, author, _ = paper(app)
    other = make_article()
    own = Browser(app).sign_in(author)
    assert own.get(f"/newsroom/articles/{article.id}/figures").status_code == 200
    assert own.get(f"/newsroom/articles/{other.id}/figures").status_code == 404
    assert own.get(f"/newsroom/articles/{other.id}/figures.csv").status_code == 404
    assert Browser(app).sign_in(make_user()).get(f"/newsroom/articles/{article.id}/figures").status_code == 403


def test_an_article_without_a_discussion_says_so(app: Flask) -> None:
    _, _, editor = paper(app)
    bare = make_article(thread=False)
    assert "This article has no discussion." in text_of(editor.get(f"/newsroom/articles/{bare.id}/figures"))


def test_many_comments_cost_no_more_questions(app: Flask) -> None:
    article, author, editor = paper(app)
    editor.get(f"/newsroom/articles/{article.id}/figures")
    with statements() as few:
        editor.get(f"/newsroom/articles/{article.id}/figures")
    for _ in range(5):
        make_comment(article, author)
    with statements() as many:
        editor.get(f"/newsroom/articles/{article.id}/figures")
    assert len(many) == len(few) <= 8
