"""Clocks remove what their time is over for, holds stop them, and words go for good only when two people agree."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.moderation import keeping, objecting
from core import clock
from core.db import db, transaction
from core.errors import Conflict, DomainError
from jobs.worker import run_all
from models.browser_session import BrowserSession
from models.consent import Consent
from models.fairness import FairProcess, IllegalNotice, LegalHold, PurgeRequest, RetentionRun
from models.notification import Mail
from models.thread import Revision
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_site, make_user
from tests.moderation.desk import (
    actions,
    as_viewer,
    broken_counters,
    comment,
    ledger_problem,
    make_member,
    make_moderator,
    make_talk,
    reject,
    say,
)
from tests.moderation.test_illegal import decide, notify

LONG = "The street is called Birch Lane and the number of the house is twelve."


@pytest.fixture(autouse=True)
def time_stands() -> Any:
    yield
    clock.shift(timedelta())


def publisher() -> User:
    return make_user("Pat Okoro", roles=("publisher",))


def days_pass(days: int) -> None:
    """Let time go by and the daily clocks run."""
    clock.shift(timedelta(days=days))
    for which in keeping.CLOCKS:
        run_clock(which)


def run_clock(which: keeping.Clock) -> int:
    with transaction() as session:
        removed = keeping.run_clock(session, which)
        keeping.note_run(session, which, removed)
    return removed


def hold(by: User, **what: Any) -> None:
    values = {"user_id": None, "comment_id": None, "reason": "A court asks.", "ends_at": None} | what
    with transaction() as session:
        keeping.place_hold(session, actor_id=by.id, **values)


def test_removed_words_go_when_nobody_can_object_any_more_and_not_before(app: Flask) -> None:
    ann = make_member()
    talk = make_talk()
    first, other = say(talk, ann, LONG), say(talk, ann, "This one stays.")
    reject(first, make_moderator())
    days_pass(182)
    assert comment(first).body_source == LONG
    days_pass(184)
    assert comment(first).body_source == ""
    assert db.session().scalars(select(Revision.body_source).where(Revision.comment_id == first)).all() == [""]
    assert comment(other).body_source == "This one stays."
    assert comment(first).status == "rejected"
    assert actions()[-1].subject == "clock:removed-texts"
    assert ledger_problem() == ""
    assert broken_counters() == []


def test_an_open_objection_or_notice_keeps_the_words(app: Flask) -> None:
    ann, mo = make_member(), make_moderator()
    first = say(make_talk(), ann, LONG)
    reject(first, mo)
    viewer = as_viewer(ann)
    with transaction() as session:
        appeal_id = objecting.file_appeal(session, viewer, first, "Not so.")
    days_pass(300)
    assert comment(first).body_source == LONG
    flo = make_moderator()
    with transaction() as session:
        objecting.decide_appeal(session, appeal_id=appeal_id, actor_id=flo.id, reverse=False, answer="It is.")
    days_pass(301)
    assert comment(first).body_source == LONG
    days_pass(300 + 184)
    assert comment(first).body_source == ""


@pytest.mark.parametrize("what", ["user_id", "comment_id"])
def test_a_hold_stops_the_clocks_until_it_is_released(app: Flask, what: str) -> None:
    ann, pat = make_member(), publisher()
    first = say(make_talk(), ann, LONG)
    reject(first, make_moderator())
    hold(pat, **{what: ann.id if what == "user_id" else first})
    days_pass(400)
    assert comment(first).body_source == LONG
    with pytest.raises(DomainError, match="law asks us to keep"), transaction() as session:
        keeping.refuse_leaving(session, ann.id)
    with transaction() as session:
        keeping.release_hold(session, hold_id=1, actor_id=pat.id)
    days_pass(401)
    assert comment(first).body_source == ""
    with pytest.raises(Conflict, match="released already"), transaction() as session:
        keeping.release_hold(session, hold_id=1, actor_id=pat.id)
    with transaction() as session:
        keeping.refuse_leaving(session, ann.id)


def test_a_hold_with_an_end_ends_by_itself(app: Flask) -> None:
    ann = make_member()
    first = say(make_talk(), ann, LONG)
    reject(first, make_moderator())
    hold(publisher(), comment_id=first, ends_at=clock.now() + timedelta(days=390))
    days_pass(389)
    assert comment(first).body_source == LONG
    days_pass(391)
    assert comment(first).body_source == ""


def test_networks_and_notifiers_are_forgotten_each_in_its_time(client: Browser) -> None:
    ann, now = make_member(), clock.now()
    ann_id = ann.id
    notify(client, say(make_talk(), make_member()))
    decide(1, make_moderator(), "kept")
    with transaction() as session:
        session.add(Consent(user_id=ann.id, kind="join", shown="Pay.", page="/join", network="192.0.2.0/24"))
        session.add(BrowserSession(user_id=ann.id, key_hash="a" * 64, seen_at=now, expires_at=now + timedelta(days=900),
                                   proved_at=now, network="192.0.2.0/24"))

    def kept() -> tuple[str, str, str]:
        db.session.remove()
        session = db.session()
        return (
            session.scalars(select(BrowserSession.network).where(BrowserSession.user_id == ann_id)).one(),
            session.scalars(select(IllegalNotice.email)).one(),
            session.scalars(select(Consent.network).where(Consent.user_id == ann_id)).one(),
        )  # fmt: skip

    everything = ("192.0.2.0/24", "nora@example.test", "192.0.2.0/24")
    days_pass(29)
    assert kept() == everything
    days_pass(31)
    assert kept() == ("", *everything[1:])
    days_pass(366)
    assert kept() == ("", "", everything[2])
    days_pass(3 * 366 + 1)
    assert kept() == ("", "", "")


def test_the_daily_job_runs_every_clock_and_says_what_it_did(app: Flask) -> None:
    from jobs.queue import enqueue

    with transaction():
        enqueue("moderation.clocks")
    run_all()
    assert set(db.session().scalars(select(RetentionRun.clock))) == {which.name for which in keeping.CLOCKS}


def test_a_clock_works_in_steps_and_is_recorded_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs.queue import enqueue

    monkeypatch.setattr(keeping, "AT_ONCE", 2)
    talk, ann, mo = make_talk(), make_member(), make_moderator()
    ids = [say(talk, ann, f"{LONG} {number}") for number in range(5)]
    for one in ids:
        reject(one, mo)
    clock.shift(timedelta(days=200))
    with transaction():
        enqueue("moderation.clock", name="removed-texts")
    run_all()
    assert {comment(one).body_source for one in ids} == {""}
    assert [row.after for row in actions() if row.action == "retention"] == ['{"days":183,"removed":5}']


def test_words_go_for_good_when_a_second_person_agrees(client: Browser) -> None:
    make_site()
    ann, mo, pat = make_member(), make_moderator("Mo Adeyemi"), publisher()
    first = say(make_talk(), ann, LONG)
    reject(first, mo)
    clock.shift(timedelta(minutes=1))
    run_all()
    assert any("Birch Lane" in mail for mail in db.session().scalars(select(Mail.text)))
    desk = Browser(client.app).sign_in(mo)
    assert "for good" in text_of(desk.get(f"/moderation/comments/{first}"))
    assert desk.post(f"/moderation/comments/{first}/purge", {"reason": " "}).status_code == 422
    assert desk.post(f"/moderation/comments/{first}/purge", {"reason": "An address."}).status_code == 303
    assert desk.post(f"/moderation/comments/{first}/purge", {"reason": "Again."}).status_code == 409
    assert desk.get("/moderation/purges").status_code == 403
    client.sign_in(pat)
    assert "Birch Lane" in text_of(client.get("/moderation/purges"))
    assert client.post("/moderation/purges", {"purge_id": "1", "answer": "approve"}).status_code == 303
    assert comment(first).body_source == ""
    db.session.remove()
    assert not any("Birch Lane" in mail for mail in db.session().scalars(select(Mail.text)))
    assert [row.action for row in actions()] == ["reject", "purge-request", "purge"]
    assert ledger_problem() == ""
    assert broken_counters() == []


def test_nobody_agrees_to_their_own_purge_and_a_hold_forbids_it(app: Flask) -> None:
    ann, pat, ed = make_member(), publisher(), make_user(roles=("editor",))
    first = say(make_talk(), ann, LONG)

    def ask() -> None:
        with transaction() as session:
            keeping.ask_for_purge(session, comment_id=first, reason="An address.", actor_id=pat.id)

    with pytest.raises(Conflict, match="reject the comment first"):
        ask()
    reject(first, make_moderator())
    ask()
    with pytest.raises(DomainError, match="somebody else has to agree"), transaction() as session:
        keeping.decide_purge(session, purge_id=1, actor_id=pat.id, approve=True)
    hold(pat, comment_id=first)
    with pytest.raises(Conflict, match="legal hold"), transaction() as session:
        keeping.decide_purge(session, purge_id=1, actor_id=ed.id, approve=True)
    with transaction() as session:
        keeping.decide_purge(session, purge_id=1, actor_id=ed.id, approve=False)
    assert comment(first).body_source == LONG
    assert db.session().get_one(PurgeRequest, 1, populate_existing=True).outcome == "refused"


def test_the_publisher_sets_clocks_and_places_holds(client: Browser) -> None:
    make_site()
    ann, pat = make_member("Ann Droste"), publisher()
    client.sign_in(pat)
    ann_id, pat_id = ann.id, pat.id
    at = "/publisher/fair-process"
    assert "183 days" in text_of(client.get(at))
    seen = "False|False||30|183|365"
    fields = {"seen": seen, "public_log": "y", "dispute_body": "The Umpire, umpire.example", "address_days": "14",
              "removed_text_days": "200", "notifier_days": "90"}
    short = client.post(at, fields | {"removed_text_days": "30"})
    assert short.status_code == 422
    assert "from 183 to 3,650" in text_of(short)
    assert client.post(at, fields).status_code == 303
    assert client.post(at, fields).status_code == 409
    db.session.remove()
    row = db.session().get_one(FairProcess, 1)
    assert (row.public_log, row.public_report, row.address_days) == (True, False, 14)
    assert "fair-process:1" in {entry.subject for entry in actions()}
    for values, sentence in (({}, "either a person or a comment"), ({"user_id": str(ann_id)}, "Please say why"),
                             ({"user_id": "9999", "reason": "A court asks."}, "nobody and nothing"),
                             ({"user_id": str(ann_id), "reason": "x", "last_day": "2020-01-01"}, "still to come"),
                             ({"user_id": str(ann_id), "reason": "x", "last_day": "soon"}, "give a day")):
        refused = client.post(f"{at}/holds", values)
        assert refused.status_code == 422
        assert sentence in text_of(refused)
    assert client.post(f"{at}/holds", {"user_id": str(ann_id), "reason": "A court asks."}).status_code == 303
    assert "Everything of Ann Droste" in text_of(client.get(at))
    assert client.post(f"{at}/holds/1/release").status_code == 303
    assert db.session().scalars(select(LegalHold.released_by)).one() == pat_id
