"""Restrictions of people: imposed with a reason, ended by time or by hand, and told to whom they concern."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.moderation import sanctions, undoing
from blueprints.moderation.decision import Decision
from core import clock
from core.db import db, transaction
from core.errors import Conflict, DomainError
from jobs.worker import run_all
from models.moderation import Sanction, StatementOfReasons
from models.notification import Mail
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import fresh, make_user
from tests.moderation.desk import actions, ledger_problem, make_member, make_moderator, make_talk, report, say
from tests.threads.talk import respect


@pytest.fixture(autouse=True)
def _own_time():  # type: ignore[no-untyped-def]
    yield
    clock.shift(timedelta())


def suspend(user: User, by: User, days: int = 3, reason: str = "Three insults in an hour.") -> Decision:
    with transaction() as session:
        return sanctions.suspend(
            session, user_id=user.id, until=clock.now() + timedelta(days=days), rule_id=None, reason=reason,
            actor_id=by.id,
        )  # fmt: skip


def ban(user: User, by: User) -> Decision:
    with transaction() as session:
        return sanctions.ban(session, user_id=user.id, rule_id=None, reason="A threat.", actor_id=by.id)


def lift(user: User, by: User) -> Decision:
    row = db.session().scalars(select(Sanction).where(Sanction.user_id == user.id).order_by(Sanction.id.desc())).first()
    assert row is not None
    sanction_id = row.id
    with transaction() as session:
        return sanctions.lift_sanction(session, sanction_id=sanction_id, actor_id=by.id)


def test_a_suspended_person_reads_on_but_takes_no_part_until_the_clock_ends_it(app: Flask) -> None:
    talk, ann, mo = make_talk(), make_member(), make_moderator()
    other = say(talk, make_member())
    suspend(ann, mo)
    for attempt in (lambda: say(talk, ann), lambda: respect(other, ann), lambda: report(other, ann)):
        with pytest.raises(DomainError, match=r"until .* UTC\. Three insults in an hour\."):
            attempt()
    clock.shift(timedelta(days=3, minutes=1))
    assert say(talk, ann)
    respect(other, ann)


@pytest.mark.parametrize("stop", [suspend, ban])
def test_who_may_not_take_part_keeps_their_name_until_that_is_over(
    client: Browser, stop: Callable[[User, User], Decision]
) -> None:
    make_talk()
    ann, mo = make_member("Ann Droste"), make_moderator()
    client.sign_in(ann)
    stop(ann, mo)
    refused = client.post("/account/settings/name", {"display_name": "Everybody Is Wrong"})
    assert refused.status_code == 422
    assert "You can change your name once you may take part again." in text_of(refused)
    assert 'value="Everybody Is Wrong"' in refused.text
    assert fresh(ann).display_name == "Ann Droste"
    lift(ann, mo)
    client.post("/account/settings/name", {"display_name": "Ann Droste-Hall"})
    assert fresh(ann).display_name == "Ann Droste-Hall"


def test_the_composer_of_a_suspended_person_leads_to_the_decision(client: Browser) -> None:
    talk, ann = make_talk(), make_member()
    client.sign_in(ann)
    assert "/appeal" not in client.get(f"/articles/{talk.slug}").text
    suspend(ann, make_moderator())
    page = client.get(f"/articles/{talk.slug}")
    assert "Three insults in an hour. Read the decision or object to it" in text_of(page)
    link = re.search(r"/sanctions/\d+/appeal", page.text)
    assert link
    assert "Three insults in an hour." in text_of(client.get(link[0]))


def test_a_banned_person_does_not_return_by_waiting(app: Flask) -> None:
    talk, ann = make_talk(), make_member()
    ban(ann, make_moderator())
    clock.shift(timedelta(days=400))
    with pytest.raises(DomainError, match="You can no longer take part"):
        say(talk, ann)


def test_a_lifted_ban_is_over_at_once_and_can_be_put_back(app: Flask) -> None:
    talk, ann, mo = make_talk(), make_member(), make_moderator()
    ban(ann, mo)
    lifted = lift(ann, make_moderator())
    assert say(talk, ann)
    with transaction() as session:
        undoing.undo(session, action_id=lifted.action_id, actor_id=mo.id)
    with pytest.raises(DomainError):
        say(talk, ann)
    with transaction() as session:
        undoing.undo(session, action_id=lifted.action_id + 1, actor_id=mo.id)
    assert say(talk, ann)
    assert [row.action for row in actions()] == ["ban", "lift", "ban", "lift"]
    assert ledger_problem() == ""


def test_the_same_restriction_is_not_imposed_twice(app: Flask) -> None:
    ann = make_member()
    suspend(ann, make_moderator("Mo Adeyemi"))
    with pytest.raises(Conflict, match=r"Already suspended until .* by Mo Adeyemi just now"):
        suspend(ann, make_moderator())
    assert len(actions()) == 1


@pytest.mark.parametrize("days", [0, -1, 400])
def test_a_suspension_ends_within_a_year(app: Flask, days: int) -> None:
    with pytest.raises(DomainError, match="within a year"):
        suspend(make_member(), make_moderator(), days=days)


def test_a_restriction_needs_a_reason(app: Flask) -> None:
    with pytest.raises(DomainError, match="say why"):
        suspend(make_member(), make_moderator(), reason=" ​ ")


def test_moderators_restrict_neither_staff_nor_themselves(app: Flask) -> None:
    mo, flo = make_moderator(), make_moderator()
    for subject in (flo, mo):
        with pytest.raises(DomainError) as refused:
            suspend(subject, mo)
        assert refused.value.status == 403
    suspend(flo, make_user(roles=("publisher",)))


def test_a_suspended_person_gets_one_mail_without_a_moderators_name(app: Flask) -> None:
    make_talk()
    ann, mo = make_member(), make_moderator("Mo Adeyemi")
    suspend(ann, mo)
    clock.shift(timedelta(seconds=11))
    run_all()
    run_all()
    (mail,) = db.session().scalars(select(Mail).where(Mail.user_id == ann.id))
    for words in ("You cannot comment, show respect or report until", "Three insults in an hour.",
                  "Reading, your membership and your account go on", "/appeal"):  # fmt: skip
        assert words in mail.text, words
    assert mail.subject == "You are suspended from the discussions"
    assert "Adeyemi" not in mail.text + mail.html
    told = db.session().scalar(select(StatementOfReasons).where(StatementOfReasons.user_id == ann.id))
    assert told is not None
    assert told.comment_id is None


def test_a_restricted_person_objects_and_somebody_else_lifts_it(client: Browser) -> None:
    talk, ann, mo, flo = make_talk(), make_member(), make_moderator(), make_moderator()
    suspend(ann, mo)
    sanction_id = db.session().scalars(select(Sanction.id)).one()
    client.sign_in(ann)
    page = client.get(f"/sanctions/{sanction_id}/appeal")
    assert "Three insults in an hour." in text_of(page)
    assert client.post(f"/sanctions/{sanction_id}/appeal", {"body": "It was my brother."}).status_code == 303
    assert client.post(f"/sanctions/{sanction_id}/appeal", {"body": "Really."}).status_code == 409
    desk = Browser(client.app).sign_in(flo)
    listed = desk.get("/moderation/objections").get_data(as_text=True)
    assert "It was my brother." in listed
    at = "/moderation/appeals/1/answer"
    assert Browser(client.app).sign_in(mo).post(at, {"outcome": "reversed", "answer": "No."}).status_code == 403
    assert desk.post(at, {"outcome": "reversed", "answer": "The hours do not fit."}).status_code == 303
    assert say(talk, ann)
    assert "You were right to object" in text_of(client.get(f"/sanctions/{sanction_id}/appeal"))


def test_others_do_not_see_what_a_person_was_told(client: Browser) -> None:
    make_talk()
    suspend(make_member(), make_moderator())
    sanction_id = db.session().scalars(select(Sanction.id)).one()
    assert client.sign_in(make_member()).get(f"/sanctions/{sanction_id}/appeal").status_code == 404


def test_the_account_says_what_is_restricted_until_when_why_and_where_to_object(app: Flask) -> None:
    ann, mo = make_member(), make_moderator()
    her = Browser(app).sign_in(ann)
    assert "kept out" not in text_of(her.get("/account"))
    suspend(ann, mo)
    page = her.get("/account")
    assert re.search(r"until .* UTC\. Three insults in an hour\.", text_of(page))
    link = re.search(r"/sanctions/\d+/appeal", page.text)
    assert link
    assert her.get(link[0]).status_code == 200
    lift(ann, mo)
    assert "kept out" not in text_of(her.get("/account"))
    ban(ann, mo)
    assert "You can no longer take part in discussions here. A threat." in text_of(her.get("/account"))
