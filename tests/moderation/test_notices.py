"""What authors and reporters read on the bell about decisions, beside the mail that the law asks for."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from blueprints.moderation import service, undoing
from core import clock
from core.db import db, transaction
from jobs.worker import run_all
from models.notice import Mute, Notice, NoticeCause
from models.notification import Mail
from models.user import User
from tests.moderation.desk import decide, make_moderator, reject, report, waiting
from tests.threads.talk import make_member, make_talk, say

pytestmark = pytest.mark.usefixtures("app")


def told(user: User) -> list[str]:
    """What stands on the person's bell, some time later."""
    clock.shift(timedelta(minutes=30))
    run_all()
    clock.shift(timedelta())
    statement = (
        select(NoticeCause.title)
        .join(Notice, Notice.id == NoticeCause.notice_id)
        .where(NoticeCause.user_id == user.id, NoticeCause.withdrawn_at.is_(None), Notice.count > 0)
        .order_by(NoticeCause.id)
    )
    return list(db.session().scalars(statement))


def test_a_removal_is_told_on_the_bell_and_by_one_mail_even_to_who_muted_the_moderator() -> None:
    ann, mo = make_member(), make_moderator()
    with transaction() as session:
        session.add(Mute(user_id=ann.id, muted_id=mo.id))
    reject(say(make_talk(), ann), mo)
    assert told(ann) == ["Your comment was removed"]
    assert [mail.subject for mail in db.session().scalars(select(Mail))] == ["Your comment was removed"]


@pytest.mark.once
def test_what_is_quoted_to_its_author_is_quoted_without_its_mark_up() -> None:
    ann, mo = make_member(), make_moderator()
    reject(say(make_talk(), ann, "You are **all** of you ~~right~~ ||wrong||."), mo)
    assert told(ann) == ["Your comment was removed"]
    quoted = "You are all of you right wrong."
    (cause,) = db.session().scalars(select(NoticeCause))
    (mail,) = db.session().scalars(select(Mail))
    assert cause.excerpt == quoted
    assert quoted in mail.text
    assert "**" not in mail.text


def test_what_was_let_through_is_told_on_the_bell_only() -> None:
    ann, mo = make_member(), make_moderator()
    decide(service.publish_comment, waiting(make_talk(), ann), mo)
    assert told(ann) == ["Your comment on “What the ministry knew” is published"]
    assert db.session().scalars(select(Mail)).all() == []


@pytest.mark.once
def test_reporters_hear_what_became_of_it_unless_it_was_taken_back() -> None:
    talk, ann, bob, cyd, mo = make_talk(), make_member(), make_member(), make_member(), make_moderator()
    one, two = say(talk, ann), say(talk, ann)
    report(one, bob)
    report(two, cyd)
    removed = reject(one, mo)
    decide(service.dismiss_reports, two, mo)
    assert told(bob) == ["A comment you reported on “What the ministry knew” was removed. Thank you for reporting it."]
    assert told(cyd) == [
        "A comment you reported on “What the ministry knew” was looked at and kept. Thank you for reporting it."
    ]
    decide(service.restore_comment, one, mo)
    assert told(bob) == []
    assert removed.action == "reject"


def test_a_slip_that_is_undone_at_once_reaches_nobody() -> None:
    talk, ann, bob, mo = make_talk(), make_member(), make_member(), make_moderator()
    one = say(talk, ann)
    report(one, bob)
    slip = reject(one, mo)
    with transaction() as session:
        undoing.undo(session, action_id=slip.action_id, actor_id=mo.id)
    assert told(ann) == told(bob) == []
