"""What is written while a request waits for its turn to write holds for it, too."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from blueprints.accounts import queries_sessions, standing
from blueprints.moderation import sanctions
from blueprints.threads import picks, reports, service
from blueprints.threads.counters import recount
from blueprints.threads.withdrawal import withdraw_name
from core import clock
from core.db import db, transaction
from core.errors import DomainError
from core.viewer import Viewer
from models.thread import Comment, Report, Respect
from models.user import RoleGrant, User
from tests.browser import Browser, text_of
from tests.factories import make_user
from tests.threads.behind import while_waiting
from tests.threads.talk import as_viewer, comment, facts, make_member, make_talk, say

Meanwhile = Callable[[Session, int, int], object]


def ban(session: Session, user_id: int, by: int) -> None:
    sanctions.sanction(session, user_id=user_id, kind="ban", until=None, rule_id=None, reason="Enough.", actor_id=by)


def leave(session: Session, user_id: int, _by: int) -> None:
    session.get_one(User, user_id).deleted_at = clock.now()


def sign_out(_session: Session, user_id: int, _by: int) -> None:
    queries_sessions.end_all(user_id)


def lose_role(session: Session, user_id: int, _by: int) -> None:
    session.execute(delete(RoleGrant).where(RoleGrant.user_id == user_id))


def post(session: Session, viewer: Viewer, here: Any, _own: int, _other: int) -> None:
    service.post_comment(session, viewer, here, "Words that come too late.")


def edit(session: Session, viewer: Viewer, _here: Any, own: int, _other: int) -> None:
    service.edit_comment(session, viewer, own, "Better words that come too late.")


def respect(session: Session, viewer: Viewer, _here: Any, _own: int, other: int) -> None:
    service.toggle_respect(session, viewer, other)


def report(session: Session, viewer: Viewer, _here: Any, _own: int, other: int) -> None:
    reports.report_comment(session, viewer, other, reporter_key="user:x", reason="spam")


@pytest.mark.parametrize("write", [post, edit, respect, report])
@pytest.mark.parametrize(
    ("meanwhile", "told"),
    [(ban, "no longer take part"), (leave, "signed out meanwhile"), (sign_out, "signed out meanwhile")],
)
def test_who_was_stopped_while_their_request_waited_is_refused(
    app: Flask, meanwhile: Meanwhile, told: str, write: Callable[..., None]
) -> None:
    article, ann, by = make_talk(), make_member(), make_user(roles=("moderator",))
    own, other = say(article, ann), say(article, make_member())
    viewer, here, ann_id, by_id = as_viewer(ann), facts(article), ann.id, by.id

    def send() -> None:
        with transaction() as session:
            write(session, viewer, here, own, other)

    refused = while_waiting(app, here.thread_id, lambda session: meanwhile(session, ann_id, by_id), send)
    assert isinstance(refused, DomainError)
    assert told in refused.sentence
    assert comment(own).revision == 1
    for table, number in ((Comment, 2), (Respect, 0), (Report, 0)):
        assert db.session().scalar(select(func.count()).select_from(table)) == number
    with transaction() as session:
        assert recount(session, here.thread_id) == []


@pytest.mark.parametrize("write", [service.delete_comment, withdraw_name])
def test_who_was_signed_out_while_their_request_waited_takes_nothing_back(
    app: Flask, write: Callable[..., object]
) -> None:
    article, ann = make_talk(), make_member()
    own, viewer, here, ann_id = say(article, ann), as_viewer(ann), facts(article), ann.id

    def send() -> None:
        with transaction() as session:
            write(session, viewer, own)

    refused = while_waiting(app, here.thread_id, lambda session: sign_out(session, ann_id, 0), send)
    assert isinstance(refused, standing.SignedOut)
    assert (comment(own).status, comment(own).nameless) == ("published", False)


def test_who_is_no_editor_any_more_when_their_request_has_its_turn_picks_nothing(app: Flask) -> None:
    article, eve = make_talk(), make_user(roles=("editor",))
    one, viewer, here, eve_id = say(article, make_member()), as_viewer(eve), facts(article), eve.id

    def send() -> None:
        with transaction() as session:
            picks.pick_comment(session, viewer, one)

    refused = while_waiting(app, here.thread_id, lambda session: lose_role(session, eve_id, 0), send)
    assert isinstance(refused, DomainError)
    assert "Picks are chosen by" in refused.sentence
    assert comment(one).picked_at is None


def test_who_lost_their_role_while_their_request_waited_speaks_without_it(app: Flask) -> None:
    article, mo = make_talk(thread_values={"premoderated": True}), make_member(roles=("moderator",))
    viewer, here, mo_id = as_viewer(mo), facts(article), mo.id

    def send() -> int:
        with transaction() as session:
            return service.post_comment(session, viewer, here, "Words from the desk, or not.").comment_id

    posted = comment(while_waiting(app, here.thread_id, lambda session: lose_role(session, mo_id, 0), send))
    assert (posted.status, posted.author_badge) == ("pending", "")


@pytest.mark.usefixtures("app")
def test_who_is_restricted_as_they_were_when_they_began_is_asked_nothing_more() -> None:
    article, ann, by = make_talk(), make_member(), make_user(roles=("moderator",))
    with transaction() as session:
        sanctions.sanction(
            session, user_id=ann.id, kind="pre-moderation", until=None, rule_id=None, reason="Slowly.",
            actor_id=by.id,
        )  # fmt: skip
    viewer = as_viewer(ann)
    with transaction() as session:
        assert standing.still(session, viewer) is viewer
    say(article, ann)


@pytest.mark.parametrize("meanwhile", [ban, sign_out])
def test_the_words_of_who_was_stopped_meanwhile_are_kept_in_the_form(app: Flask, meanwhile: Meanwhile) -> None:
    article, ann, by = make_talk(), make_member(), make_user(roles=("moderator",))
    browser, path, here = Browser(app).sign_in(ann), f"/articles/{article.slug}/comments", facts(article)
    ann_id, by_id = ann.id, by.id
    db.session.remove()

    answer = while_waiting(
        app, here.thread_id, lambda session: meanwhile(session, ann_id, by_id),
        lambda: browser.post(path, {"body": "Words worth keeping."}),
    )  # fmt: skip
    assert answer.status_code == 403
    assert "Words worth keeping." in answer.get_data(as_text=True)
    assert ("no longer take part" if meanwhile is ban else "signed out meanwhile") in text_of(answer)
    assert db.session().scalar(select(func.count()).select_from(Comment)) == 0
