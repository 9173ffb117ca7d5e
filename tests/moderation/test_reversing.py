"""Everything by one person since a moment is taken back, as one act that can be undone."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.moderation import discussions, reversing, sanctions, service, undoing
from core import clock
from core.db import db, transaction
from core.errors import Conflict, DomainError
from core.recording import acting
from core.viewer import Viewer
from jobs.worker import run_all
from models.fairness import Reversal
from models.moderation import Sanction
from models.site import Rule, Site
from models.user import RoleGrant, User
from tests.browser import Browser, text_of
from tests.factories import make_rule, make_site, make_user, thread_of
from tests.moderation.desk import (
    actions,
    broken_counters,
    comment,
    decide,
    ledger_problem,
    make_member,
    make_moderator,
    make_talk,
    open_reports,
    reject,
    report,
    say,
    statements,
    waiting,
)


def publisher(name: str = "Pat Okoro") -> User:
    return make_user(name, roles=("publisher",))


def start(of: User, by: User, since: datetime) -> int:
    with transaction() as session:
        count = reversing.dry_run(session, of.id, since).count
        return reversing.reverse(session, actor_id=of.id, since=since, asked_by=by.id, count=count)


def row(reversal_id: int) -> Reversal:
    return db.session().get_one(Reversal, reversal_id, populate_existing=True)


@pytest.mark.once
def test_decisions_of_every_sort_go_back_and_come_again(app: Flask) -> None:
    talk, ann, mo, pat = make_talk(), make_member(), make_moderator("Mo Adeyemi"), publisher()
    first, held = say(talk, ann), waiting(talk, ann)
    before = say(talk, ann)
    reject(before, mo)
    since = clock.now()
    reject(first, mo)
    decide(service.publish_comment, held, mo)
    with transaction() as session:
        sanctions.ban(session, user_id=ann.id, rule_id=None, reason="Enough.", actor_id=mo.id)
    reversal_id = start(mo, pat, since)
    run_all()
    assert (row(reversal_id).done_count, row(reversal_id).left_count) == (3, 0)
    assert row(reversal_id).finished_at is not None
    assert [comment(one).status for one in (first, held, before)] == ["published", "withheld", "rejected"]
    assert db.session().scalars(select(Sanction.lifted_at)).one() is not None
    assert statements(first) == []
    own = row(reversal_id).action_id
    assert [entry.action for entry in actions() if entry.batch_id == own] == ["lift", "hold", "restore"]

    with transaction() as session:
        back = reversing.undo_reversal(session, reversal_id=reversal_id, asked_by=pat.id)
    run_all()
    assert (row(back).done_count, row(back).left_count) == (3, 0)
    assert [comment(one).status for one in (first, held, before)] == ["rejected", "published", "rejected"]
    assert db.session().scalars(select(Sanction.lifted_at)).one() is None
    with pytest.raises(Conflict, match="undone already"), transaction() as session:
        reversing.undo_reversal(session, reversal_id=reversal_id, asked_by=pat.id)
    assert ledger_problem() == ""
    assert broken_counters() == []


def test_settings_and_roles_go_back_to_what_stood_before(app: Flask) -> None:
    make_site(name="The Meridian")
    pat, eve = publisher(), publisher("Eve Thief")
    rule_id, pat_id = make_rule("kind", "Be kind", "Always.").id, pat.id
    mo, friend = make_moderator("Mo Adeyemi"), make_user("A Friend")
    since = clock.now()
    with acting(eve.id):
        with transaction() as session:
            session.get_one(Site, 1).name = "Hacked"
            session.get_one(Rule, rule_id).active = False
        with transaction() as session:
            for grant in session.scalars(select(RoleGrant).where(RoleGrant.user_id == mo.id)):
                session.delete(grant)
            session.add(RoleGrant(user_id=friend.id, name="publisher"))
        with transaction() as session:
            session.get_one(Site, 1).name = "Hacked twice"
    reversal_id = start(eve, pat, since)
    run_all()
    assert row(reversal_id).left == ""
    staff = [pat_id, eve.id, mo.id]
    db.session.remove()
    assert db.session().get_one(Site, 1).name == "The Meridian"
    assert db.session().get_one(Rule, rule_id).active
    held = {(grant.user_id, grant.name) for grant in db.session().scalars(select(RoleGrant))}
    assert held == set(zip(staff, ("publisher", "publisher", "moderator"), strict=True))

    with transaction() as session:
        reversing.undo_reversal(session, reversal_id=reversal_id, asked_by=pat_id)
    run_all()
    db.session.remove()
    assert db.session().get_one(Site, 1).name == "Hacked twice"
    assert not db.session().get_one(Rule, rule_id).active
    assert ledger_problem() == ""


def test_how_a_discussion_goes_goes_back_too(app: Flask) -> None:
    talk, eve, pat = make_talk(), publisher("Eve Thief"), publisher()
    thread_id, since, pace = thread_of(talk).id, clock.now(), thread_of(talk).pace_seconds

    def set_to(**values: Any) -> None:
        view = discussions.discussion(Viewer(id=eve.id, roles=frozenset({"publisher"})), thread_id)
        wanted = discussions.Rules(**({"state": "open", "reason": "", "pace_seconds": None, "premoderated": False,
                                       "closes_at": None} | values))
        with transaction() as session:
            discussions.manage_thread(session, thread_id=thread_id, actor_id=eve.id, wanted=wanted, mark=view.standing.mark)

    set_to(pace_seconds=300, premoderated=True)
    set_to(state="closed", reason="Enough.", pace_seconds=60, closes_at=clock.now() + timedelta(days=2))
    reversal_id = start(eve, pat, since)
    run_all()
    assert row(reversal_id).left == ""
    stands = thread_of(talk)
    assert (stands.state, stands.pace_seconds, stands.premoderated, stands.closes_at) == ("open", pace, False, None)
    with transaction() as session:
        back = reversing.undo_reversal(session, reversal_id=reversal_id, asked_by=pat.id)
    run_all()
    assert row(back).left == ""
    stands = thread_of(talk)
    assert (stands.state, stands.pace_seconds, stands.premoderated) == ("closed", 60, False)
    assert ledger_problem() == ""


def test_a_sanction_that_came_and_went_ends_where_it_began(app: Flask) -> None:
    ann, eve, pat = make_member(), publisher("Eve Thief"), publisher()
    since = clock.now()
    with transaction() as session:
        done = sanctions.ban(session, user_id=ann.id, rule_id=None, reason="Out.", actor_id=eve.id)
    for _ in range(3):  # lifted, imposed again, lifted
        with transaction() as session:
            done = undoing.undo(session, action_id=done.action_id, actor_id=eve.id)
    reversal_id = start(eve, pat, since)
    run_all()
    assert (row(reversal_id).done_count, row(reversal_id).left) == (4, "")
    assert db.session().scalars(select(Sanction.lifted_at)).one() is not None
    with transaction() as session:
        back = reversing.undo_reversal(session, reversal_id=reversal_id, asked_by=pat.id)
    run_all()
    assert (row(back).done_count, row(back).left) == (4, "")
    assert ledger_problem() == ""


@pytest.mark.once
def test_reports_that_were_closed_and_opened_again_are_open_at_the_end(app: Flask) -> None:
    talk, eve, pat = make_talk(), publisher("Eve Thief"), publisher()
    first = say(talk, make_member())
    report(first, make_member())
    since = clock.now()
    kept = decide(service.dismiss_reports, first, eve)
    with transaction() as session:
        undoing.undo(session, action_id=kept.action_id, actor_id=eve.id)
    reversal_id = start(eve, pat, since)
    run_all()
    assert (row(reversal_id).done_count, row(reversal_id).left) == (2, "")
    assert comment(first).report_count == open_reports(first) == 1
    assert broken_counters() == []


def test_what_was_changed_again_since_is_left_with_its_reason(app: Flask) -> None:
    make_site(name="The Meridian")
    pat, eve = publisher(), publisher("Eve Thief")
    since = clock.now()
    for who, name in ((eve, "Hacked"), (pat, "The Parallel")):
        with acting(who.id), transaction() as session:
            session.get_one(Site, 1).name = name
    reversal_id = start(eve, pat, since)
    run_all()
    assert (row(reversal_id).done_count, row(reversal_id).left_count) == (0, 1)
    assert "This was changed again since." in row(reversal_id).left
    db.session.remove()
    assert db.session().get_one(Site, 1).name == "The Parallel"


def test_the_last_publisher_is_never_taken_away(app: Flask) -> None:
    """Even where the only publisher left is one whom the person in question appointed."""
    make_site()
    pat, eve, heir = publisher(), publisher("Eve Thief"), make_user("An Heir")
    since = clock.now()
    with acting(eve.id), transaction() as session:
        session.add(RoleGrant(user_id=heir.id, name="publisher"))
    reversal_id = start(eve, pat, since)
    with transaction() as session:
        for grant in session.scalars(select(RoleGrant).where(RoleGrant.user_id != heir.id)):
            session.delete(grant)
    run_all()
    assert "This is the only publisher." in row(reversal_id).left
    assert db.session().scalars(select(RoleGrant.user_id)).all() == [heir.id]


def test_who_is_no_publisher_any_more_takes_nothing_back(app: Flask) -> None:
    with pytest.raises(DomainError, match="Only the publisher"):
        start(make_moderator(), make_user(roles=("editor",)), clock.now())


def test_a_count_that_changed_meanwhile_is_refused(app: Flask) -> None:
    talk, ann, mo, pat = make_talk(), make_member(), make_moderator(), publisher()
    since = clock.now()
    reject(say(talk, ann), mo)
    with pytest.raises(Conflict, match="By now it would be 1 entries, not 2"), transaction() as session:
        reversing.reverse(session, actor_id=mo.id, since=since, asked_by=pat.id, count=2)
    with pytest.raises(Conflict, match="nothing to take back"), transaction() as session:
        reversing.reverse(session, actor_id=pat.id, since=since, asked_by=pat.id, count=0)


def test_a_worker_that_dies_half_way_leaves_the_rest_to_the_next(app: Flask) -> None:
    talk, ann, mo, pat = make_talk(), make_member(), make_moderator(), publisher()
    since = clock.now()
    ids = [say(talk, ann) for _ in range(3)]
    for one in ids:
        reject(one, mo)
    reversal_id = start(mo, pat, since)
    with transaction() as session:
        assert reversing.step(session, reversal_id)
    assert [comment(one).status for one in ids] == ["rejected", "rejected", "published"]
    run_all()
    assert [comment(one).status for one in ids] == ["published"] * 3
    assert row(reversal_id).done_count == 3


def test_the_publisher_counts_first_and_then_takes_back(client: Browser) -> None:
    talk, ann, mo, pat = make_talk(), make_member(), make_moderator("Mo Adeyemi"), publisher()
    since = clock.now() - timedelta(hours=1)
    first = say(talk, ann)
    reject(first, mo)
    client.sign_in(pat)
    assert "Play the ball" in text_of(client.get("/publisher/ledger"))
    at = f"/publisher/ledger/reversals?who={mo.id}&since={since:%Y-%m-%dT%H:%M}"
    page = client.get(at)
    assert "1 entry would be taken back" in text_of(page)
    fields = dict(re.findall(r'name="(who|since|count)" value="([^"]*)"', page.get_data(as_text=True)))
    assert client.post("/publisher/ledger/reversals", fields | {"count": "7"}).status_code == 409
    done = client.post("/publisher/ledger/reversals", fields)
    assert done.status_code == 303
    assert "Going on" in text_of(client.follow(done))
    run_all()
    assert "1 taken back" in text_of(client.follow(done))
    assert comment(first).status == "published"
    undone = client.post(f"{done.headers['Location']}/undo")
    assert undone.status_code == 303
    run_all()
    assert comment(first).status == "rejected"
    for half, sentence in (({"who": mo.id, "since": ""}, "since when"), ({"who": "", "since": "2026-01-01T10:00"}, "whose acts")):
        refused = client.post("/publisher/ledger/reversals", half)
        assert refused.status_code == 422
        assert sentence in text_of(refused)


def test_nobody_but_the_publisher_comes_near(client: Browser) -> None:
    client.sign_in(make_user(roles=("editor",)))
    for path in ("/publisher/ledger", "/publisher/ledger/reversals"):
        assert client.get(path).status_code == 403
    assert client.post("/publisher/ledger/reversals", {"who": 1, "since": "2026-01-01T10:00"}).status_code == 403


def test_the_command_counts_and_with_yes_takes_back(app: Flask) -> None:
    mo, pat = make_moderator("Mo Adeyemi"), publisher()
    first = say(make_talk(), make_member())
    reject(first, mo)
    arguments = ["moderation", "revert", "--by", mo.email, "--since", "2020-01-01T00:00:00", "--as", pat.email]
    counted = app.test_cli_runner().invoke(args=arguments)
    assert "1 would be taken back" in counted.output
    assert comment(first).status == "rejected"
    done = app.test_cli_runner().invoke(args=[*arguments, "--yes"])
    assert done.exit_code == 0, done.output
    assert comment(first).status == "published"
