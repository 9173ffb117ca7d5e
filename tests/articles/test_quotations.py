"""Picks quoted in an article: they follow the comment, at once and without a question more."""

import pytest
from flask import Flask

from blueprints.articles.quotations import MAX_QUOTES, mark_of, quoted_in
from blueprints.threads.service import edit_comment
from blueprints.threads.thread_state import set_thread_state
from core.db import transaction
from models.article import Article
from tests.browser import Browser, text_of
from tests.factories import make_section, make_user
from tests.newsroom.test_newsroom import form_of, typed
from tests.threads.counting import statements
from tests.threads.talk import as_viewer, change, facts, make_member, make_talk, say
from tests.threads.test_picks import pick, unpick

pytestmark = pytest.mark.usefixtures("app")


def only_other(article: Article) -> Article:
    from sqlalchemy import select

    from core.db import db

    return db.session().scalars(select(Article).where(Article.id != article.id)).one()


def test_a_quoted_pick_stands_in_the_text_and_goes_with_the_comment(app: Flask) -> None:
    section, ann = make_section(), make_member("Ann Arbour")
    editor = make_user(roles=("editor",))
    talk = make_talk(section=section)
    comment = say(talk, ann, "A *clear* view ||and a secret|| of the harbour.")
    pick(comment, editor)
    newsroom, visitor = Browser(app).sign_in(editor), Browser(app)
    body = f"First.\n\n{mark_of(comment)}\n\nLast."
    saved = newsroom.post("/newsroom/articles/new", typed(section, body_source=body, then="publish"))
    assert saved.status_code == 303
    story = f"/articles/{only_other(talk).slug}"

    def quoted() -> bool:
        """What a visitor sees, kept page or not."""
        for _ in range(2):
            page = visitor.get(story).get_data(as_text=True)
        assert "[[comment" not in page
        return "<em>clear</em> view" in page and f'href="/comments/{comment}"' in page and "Ann Arbour" in page

    assert quoted()
    assert "secret" not in visitor.get(story).get_data(as_text=True)
    assert "[[comment" not in visitor.get("/feed.xml").get_data(as_text=True)
    assert "clear" not in visitor.get("/feed.xml").get_data(as_text=True)
    newsroom.get(story)
    with statements() as sent:
        newsroom.get(story)
    assert len([statement for statement in sent if "article_quote" in statement]) == 1
    assert not [statement for statement in sent if "comment.body_html" in statement]
    with statements() as sent:
        newsroom.get(f"/articles/{talk.slug}")
    assert not [statement for statement in sent if "article_quote" in statement]  # what quotes nothing pays nothing
    for status in ("rejected", "withheld", "deleted"):
        change(comment, status)
        assert not quoted()
        change(comment, "published")
        assert quoted()
    viewer = as_viewer(ann)
    with transaction() as session:
        edit_comment(session, viewer, comment, "Other words.")
    assert not quoted()
    assert "Other words." in text_of(visitor.get(story))
    for state, seen in (("hidden", False), ("open", True)):
        with transaction() as session:
            set_thread_state(session, facts(talk).thread_id, state)
        assert ("Other words." in text_of(visitor.get(story))) == seen
    unpick(comment, editor)
    assert "Other words." not in text_of(visitor.get(story))


@pytest.mark.once
def test_only_picks_that_everybody_can_read_are_newly_quoted(app: Flask) -> None:
    section, ann, editor = make_section(), make_member(), make_user(roles=("editor",))
    talk = make_talk(section=section)
    one, two = say(talk, ann), say(talk, ann)
    pick(one, editor)
    newsroom = Browser(app).sign_in(editor)
    for number in (two, 999_999_999, 2_999_999_999):
        refused = newsroom.post("/newsroom/articles/new", typed(section, body_source=f"Words.\n\n[[comment {number}]]"))
        if number < 2**31:
            assert refused.status_code == 422
            assert f"Comment {number} is not a Pick" in text_of(refused)
            assert f"[[comment {number}]]" in refused.get_data(as_text=True)
    saved = newsroom.post("/newsroom/articles/new", typed(section, headline="Two", body_source=f"Words.\n\n{mark_of(one)}"))
    change(one, "rejected")
    again = newsroom.get(saved.headers["Location"])
    assert newsroom.post(saved.headers["Location"], form_of(again)).status_code == 303
    many = "\n\n".join(mark_of(number) for number in range(1, MAX_QUOTES + 2))
    assert "at most 10 comments" in text_of(newsroom.post("/newsroom/articles/new", typed(section, body_source=many)))


def test_a_press_puts_the_line_below_the_text_and_saves_nothing(app: Flask) -> None:
    section, ann, editor = make_section(), make_member("Ann Arbour"), make_user(roles=("editor",))
    talk = make_talk(section=section)
    one = say(talk, ann, "A clear view.")
    pick(one, editor)
    newsroom = Browser(app).sign_in(editor)
    offered = newsroom.get(f"/newsroom/articles/{talk.id}")
    assert "Ann Arbour on" in text_of(offered)
    shown = newsroom.post(f"/newsroom/articles/{talk.id}", {**form_of(offered), "body_source": "Typed.", "quote": one})
    assert shown.status_code == 200
    assert form_of(shown)["body_source"] == f"Typed.\n\n{mark_of(one)}\n"
    assert "nothing is saved yet" in text_of(shown)
    assert "Typed." not in text_of(Browser(app).get(f"/articles/{talk.slug}"))
    fresh_form = newsroom.post("/newsroom/articles/new", typed(section, quote=one))
    assert form_of(fresh_form)["body_source"].endswith(f"\n\n{mark_of(one)}\n")


def test_only_a_line_of_its_own_is_a_quotation() -> None:
    text = "[[comment 1]]\n\nIn a [[comment 2]] line.\n\n  [[comment 3]]  \n\n[[comment x]]\n\n[[comment 1]]\n\n[[comment 0]]"
    assert quoted_in(text) == [1, 3]
