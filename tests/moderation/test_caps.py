"""Caps on what one of the staff does in a while."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from blueprints.moderation import caps, ledger, service
from blueprints.moderation.caps import BULK, DECISIONS, CapReached, capped
from core import clock
from core.db import db, transaction
from jobs.worker import run_all
from models.desk import BulkRun, DeskCap
from tests.browser import Browser, text_of
from tests.factories import make_user
from tests.moderation.desk import (
    actions,
    comment,
    ledger_problem,
    make_member,
    make_moderator,
    make_talk,
    play_the_ball,
    waiting,
)
from tests.moderation.test_two_at_once import at_once


def set_caps(**values: int) -> None:
    usual = {"decisions_per_minute": 60, "decisions_per_hour": 60, "sanctions_per_hour": 60, "bulk_per_hour": 60}
    with transaction() as session:
        session.add(DeskCap(id=1, **(usual | values)))


def noted() -> list[str]:
    return [row.reason for row in actions() if row.action == "cap"]


def test_who_decides_too_much_is_told_when_it_goes_on_and_the_ledger_keeps_it_once(app: Flask, client: Browser) -> None:
    set_caps(decisions_per_minute=2)
    talk, ann, rule = make_talk(), make_member(), play_the_ball()
    held = [waiting(talk, ann) for _ in range(3)]
    client.sign_in(make_moderator())
    seen = {"revision": "1", "status": "withheld", "last_action_id": "0", "last_report_id": "0"}
    with time_machine.travel(clock.now(), tick=False):
        for comment_id in held[:2]:
            assert client.post(f"/moderation/comments/{comment_id}/publish", seen).status_code == 303
        for _ in range(2):
            typed = seen | {"rule_id": str(rule.id), "note": "Please stay with the story."}
            refused = client.post(f"/moderation/comments/{held[2]}/reject", typed)
            assert refused.status_code == 429
            assert "That would be more than 2 decisions in a minute, the most that one of the staff makes here. Nothing was " \
                   "done. It goes on in 1 minute." in text_of(refused)
            assert "Please stay with the story." in refused.text
        assert comment(held[2]).status == "withheld"
        assert noted() == ["2 decisions in a minute"]
    with time_machine.travel(clock.now() + timedelta(seconds=61), tick=False):
        assert client.post(f"/moderation/comments/{held[2]}/publish", seen).status_code == 303
    assert ledger_problem() == ""


def test_what_was_refused_does_not_count(app: Flask) -> None:
    set_caps(decisions_per_minute=1)
    mo = make_moderator()
    with pytest.raises(ValueError, match="no"), capped(DECISIONS, mo.id):
        raise ValueError("no")
    with capped(DECISIONS, mo.id):
        pass
    with pytest.raises(CapReached), capped(DECISIONS, mo.id):
        pass
    with capped(DECISIONS, make_moderator().id):
        pass


def test_several_at_once_are_counted_exactly(app: Flask) -> None:
    set_caps(decisions_per_minute=3)
    mo = make_moderator().id
    held = [waiting(make_talk(), make_member()) for _ in range(6)]

    def decide(comment_id: int) -> object:
        try:
            with capped(DECISIONS, mo) as session:
                return service.publish_comment(session, comment_id=comment_id, revision=1, actor_id=mo)
        except CapReached as reached:
            return reached

    answers = at_once(app, *(lambda comment_id=comment_id: decide(comment_id) for comment_id in held))
    assert sum(isinstance(answer, CapReached) for answer in answers) == 3
    assert [comment(each).status for each in held].count("published") == 3
    assert noted() == ["3 decisions in a minute"]


def test_a_decision_about_many_counts_its_comments_and_nothing_else(app: Flask, client: Browser) -> None:
    set_caps(bulk_per_hour=3, decisions_per_minute=1)
    talk, ann = make_talk(), make_member()
    held = [waiting(talk, ann) for _ in range(4)]
    client.sign_in(make_moderator())

    def run(ids: list[int]) -> int:
        client.post("/moderation/bulk", {"queue": "held", "verb": "accept", "id": ids})
        run_id = db.session().scalars(db.select(BulkRun.id).order_by(BulkRun.id.desc())).first()
        db.session().rollback()
        return client.post(f"/moderation/bulk/{run_id}/do").status_code

    assert run(held) == 429
    assert run(held[:3]) == 303
    run_all()
    assert [comment(each).status for each in held] == ["published"] * 3 + ["withheld"]
    assert run(held[3:]) == 429
    assert noted() == ["3 comments in decisions about many in an hour"]
    with pytest.raises(CapReached), capped(BULK, 1, 4):
        pass


def test_the_publisher_sets_caps_and_the_ledger_keeps_what_stood_before(app: Flask, client: Browser) -> None:
    client.sign_in(make_user(roles=("publisher",)))
    page = client.get("/publisher/safety")
    assert "Decisions in a minute, at most" in text_of(page)
    wanted = {"decisions_per_minute": "30", "decisions_per_hour": "1,200", "sanctions_per_hour": "60", "bulk_per_hour": "x"}
    refused = client.post("/publisher/safety/caps", wanted)
    assert refused.status_code == 422
    assert "“Comments in decisions about many, in an hour” needs a number from 1 to 100,000." in text_of(refused)
    assert 'value="x"' in refused.text
    assert client.post("/publisher/safety/caps", wanted | {"bulk_per_hour": "2000"}).status_code == 303
    (entry,) = actions()
    assert (entry.action, entry.before, entry.after) == ("caps", '{"decisions_per_minute":60}', '{"decisions_per_minute":30}')
    assert client.sign_in(make_moderator()).post("/publisher/safety/caps", wanted).status_code == 403
    assert caps.CAPS.keys() == {column.name for column in DeskCap.__table__.columns} - {"id"}
    assert ledger.verify(db.session()).problem == ""
