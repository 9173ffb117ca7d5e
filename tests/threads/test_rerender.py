"""Making old comments anew after the renderer changed."""

import pytest
from flask import Flask
from sqlalchemy import select, update

from blueprints.accounts.service import open_page
from blueprints.accounts.signals import account_deleting_signal
from blueprints.threads import rerender, service, status
from blueprints.threads.jobs import rerender as job
from core.db import db, transaction
from jobs.worker import run_all
from models.thread import Comment, Revision
from models.user import User
from tests.factories import thread_of
from tests.threads.talk import as_viewer, comment, make_member, make_talk, say

pytestmark = pytest.mark.usefixtures("app")


def make_old(*ids: int) -> None:
    """As an earlier renderer left them, which knew no hidden words."""
    with transaction() as session:
        for table in (Comment, Revision):
            which = Comment.id.in_(ids) if table is Comment else Revision.comment_id.in_(ids)
            old = {"body_html": "<p>as it was made long ago</p>"}
            session.execute(update(table).where(which).values(**old).execution_options(synchronize_session=False))
        session.execute(
            update(Comment).where(Comment.id.in_(ids)).values(renderer_version=1).execution_options(synchronize_session=False)
        )


def rename(user: User, name: str) -> None:
    with transaction() as session:
        session.execute(update(User).where(User.id == user.id).values(display_name=name, name_key=name.lower()))


def test_old_comments_are_made_anew_with_the_names_they_were_written_with(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member("Ann Arbour"), make_member("Bob Harbour")
    first = say(article, bob, "It was ||the butler||.")
    second = say(article, ann, "Says @Bob Harbour.")
    new = comment(second).body_html
    make_old(first, second)
    rename(bob, "Robert")
    version, row_version = thread_of(article).version, comment(first).row_version
    result = app.test_cli_runner().invoke(args=["comments", "rerender"])
    assert "2 comments made anew" in result.output
    assert 'class="spoiler"' in comment(first).body_html
    assert comment(second).body_html == new, "under the name of that time"
    assert comment(first).row_version == row_version + 1
    assert thread_of(article).version == version + 1
    assert all("long ago" not in html for html in db.session().scalars(select(Revision.body_html)))
    assert "0 comments made anew" in app.test_cli_runner().invoke(args=["comments", "rerender"]).output


def test_it_goes_on_where_it_was_interrupted_and_leaves_alone_what_was_edited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerender, "AT_ONCE", 2)
    article, ann = make_talk(), make_member()
    ids = [say(article, ann) for _ in range(5)]
    make_old(*ids)
    after, seen = rerender.rerender_some(db.session())
    assert (after, seen) == (ids[1], 2)
    step = rerender._prepare(db.session(), ids[1])
    db.session().rollback()
    viewer = as_viewer(ann)
    with transaction() as session:
        service.edit_comment(session, viewer, ids[2], "Edited meanwhile.")
    with transaction() as session:
        rerender._write(session, step)
    assert "Edited meanwhile." in comment(ids[2]).body_html
    assert rerender.count_old(db.session()) == 1
    job()
    run_all()
    assert rerender.count_old(db.session()) == 0


def test_blanked_words_stay_blank() -> None:
    article, ann = make_talk(), make_member()
    number = say(article, ann)
    with transaction() as session:
        status.blank_comment(session, number)
        session.execute(update(Comment).values(renderer_version=1).execution_options(synchronize_session=False))
    job()
    assert comment(number).body_html == ""


@pytest.mark.once
def test_a_mention_leads_to_the_page_of_who_has_one_and_no_longer_than_that() -> None:
    article, ann, bob = make_talk(), make_member("Ann Arbour"), make_member("Bob Harbour")
    first = say(article, bob)
    named = say(article, ann, "Says @Bob Harbour, and `@Bob Harbour`.")
    plain = comment(named).body_html
    assert "href" not in plain
    version = thread_of(article).version
    for opened in (True, False):
        with transaction():
            open_page(bob.id, to_others=opened)
        run_all()
        html = comment(named).body_html
        assert html.count(f'<a href="/readers/{bob.id}">@Bob Harbour</a>') == opened
    assert html == plain
    assert thread_of(article).version > version
    with transaction():
        open_page(bob.id, to_others=True)
    again = say(article, ann, "So says @Bob Harbour.", to=first)
    assert f'<a href="/readers/{bob.id}">' in comment(again).body_html
    run_all()
    with transaction():
        account_deleting_signal.send(None, user_id=bob.id, keep_words=True)
    run_all()
    assert "href" not in comment(named).body_html + comment(again).body_html
